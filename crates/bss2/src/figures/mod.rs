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
mod canvas;
mod confusion;
mod learning_curves;
mod legend;
mod palette;
mod raster;
mod stroke;
mod weight_codes;
mod yin_yang_plane;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use kuva::backend::raster::RasterBackend;
use kuva::render::render::Scene;

pub use confusion::confusion;
pub use learning_curves::{EpochPoint, learning_curves};
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
        let png = RasterBackend::new()
            .with_scale(PNG_SCALE)
            .render_scene(&self.raster)
            .map_err(|reason| FigureError::Rasterise { path: png_path.clone(), reason })?;
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
