//! Figures of a run, as SVG and PNG, for the paper and for the eye: how training went, what the network decides where,
//! what its neurons did, which classes it confuses, and whether its weights press against their limits.
//!
//! Each function takes plain data and returns a [`Figure`]; nothing here knows of training or of the chip. The same
//! data give the same bytes. Colours are those of Okabe and Ito and keep their meaning from figure to figure: a class
//! and its output neuron look alike everywhere.
//!
//! ```
//! use bss2::figures::{CodeHistogram, weight_codes};
//!
//! let layer = CodeHistogram { label: "hidden to output".to_owned(), codes: vec![-63, -12, 0, 5, 41] };
//! let figure = weight_codes(&[layer], "weights after training");
//! assert!(figure.svg().contains("hidden to output"));
//! ```

mod axes;
mod calibration;
mod canvas;
mod chart;
mod confusion;
mod learning_curves;
mod legend;
mod palette;
mod placement;
mod population;
mod raster;
mod stroke;
mod weight_codes;
mod yin_yang_plane;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use kuva::backend::raster::RasterBackend;
use kuva::render::render::Scene;

pub use calibration::{CalibrationOutcome, ParameterHistogram, calibration};
pub use chart::{ChartPanel, Mark, Series, chart};
pub use confusion::confusion;
pub use learning_curves::{EpochPoint, learning_curves};
pub use placement::{SynapseArray, placement};
pub use population::{Curve, Spread, Violin, quartile_curves, violins};
pub use raster::{RasterPanel, Trace, raster};
pub use weight_codes::{CodeHistogram, weight_codes};
pub use yin_yang_plane::{Outcome, PlanePoint, yin_yang_plane};

/// Device pixels of the PNG per px of the SVG: 230 dpi where the figure is printed 16 cm wide.
const PNG_SCALE: f32 = 2.0;

/// A drawn figure.
#[derive(Debug)]
pub struct Figure {
    svg: String,
    /// The same marks, made ready for the rasteriser.
    raster: Scene,
}

/// Why a figure was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FigureError {
    /// The file could not be written.
    #[error("cannot write the figure {}", path.display())]
    Write {
        /// The file that was to be written.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The name of the file does not say what it shall hold.
    #[error("cannot draw the figure {}: its name must end in .svg or .png", path.display())]
    Format {
        /// The file that was to be written.
        path: PathBuf,
    },
    /// The figure could not be turned into pixels.
    #[error("cannot draw the figure {} in pixels: {reason}", path.display())]
    Rasterise {
        /// The file that was to be written.
        path: PathBuf,
        /// What the rasteriser said.
        reason: String,
    },
}

impl Figure {
    /// The figure as an SVG document; fonts are named, not embedded.
    pub fn svg(&self) -> &str {
        &self.svg
    }

    /// Writes `stem.svg` and `stem.png` (at twice the size in pixels) into `directory`, replacing files of these names.
    ///
    /// Each file appears whole or not at all: it is written beside its destination under a temporary name first.
    ///
    /// # Errors
    /// [`FigureError::Write`] if a file cannot be created, written or renamed; [`FigureError::Rasterise`] if the figure
    /// cannot be turned into pixels. Nothing has been replaced unless both files were complete.
    pub fn save(&self, directory: &Path, stem: &str) -> Result<(), FigureError> {
        let svg_path = directory.join(format!("{stem}.svg"));
        let png_path = directory.join(format!("{stem}.png"));
        let png = self.png(&png_path)?;
        let failed = |path: &Path| {
            let path = path.to_owned();
            |source| FigureError::Write { path, source }
        };
        let svg_file = prepare(directory, self.svg.as_bytes()).map_err(failed(&svg_path))?;
        let png_file = prepare(directory, &png).map_err(failed(&png_path))?;
        svg_file.persist(&svg_path).map_err(|error| failed(&svg_path)(error.error))?;
        png_file.persist(&png_path).map_err(|error| failed(&png_path)(error.error))?;
        Ok(())
    }
}

impl Figure {
    /// Writes the figure into one file, as its extension says: `.svg`, or `.png` at twice the size in pixels.
    ///
    /// # Errors
    /// [`FigureError::Format`] for another extension; otherwise as [`Self::save`].
    pub fn save_as(&self, path: &Path) -> Result<(), FigureError> {
        let failed = |source| FigureError::Write { path: path.to_owned(), source };
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let bytes = match format(path)? {
            Format::Svg => self.svg.clone().into_bytes(),
            Format::Png => self.png(path)?,
        };
        let file = prepare(folder, &bytes).map_err(failed)?;
        file.persist(path).map_err(|error| failed(error.error))?;
        Ok(())
    }

    fn png(&self, path: &Path) -> Result<Vec<u8>, FigureError> {
        let rasterised = RasterBackend::new().with_scale(PNG_SCALE).render_scene(&self.raster);
        rasterised.map_err(|reason| FigureError::Rasterise { path: path.to_owned(), reason })
    }
}

enum Format {
    Svg,
    Png,
}

fn format(path: &Path) -> Result<Format, FigureError> {
    match path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase).as_deref() {
        Some("svg") => Ok(Format::Svg),
        Some("png") => Ok(Format::Png),
        _ => Err(FigureError::Format { path: path.to_owned() }),
    }
}

/// Refuses a file name whose extension is no format of figures, before anything is computed for it.
///
/// # Errors
/// [`FigureError::Format`].
pub fn check_name(path: &Path) -> Result<(), FigureError> {
    format(path).map(|_| ())
}

fn prepare(directory: &Path, bytes: &[u8]) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    // Temporary files are private by default; a figure is an ordinary file, under the user's umask.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.prefix(".figure-").tempfile_in(directory)?;
    file.write_all(bytes)?;
    file.flush()?;
    Ok(file)
}

#[cfg(test)]
mod tests;
