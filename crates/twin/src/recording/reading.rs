//! Recordings from `.npz` files.

use std::fs::File;
use std::path::Path;

use ndarray::{Array, Array0, Array1, Array2, Array3, Dimension};
use ndarray_npy::{NpzReader, ReadNpzError, ReadableElement};

use super::{Hidden, Part, Recording, Trajectory, Units};
use crate::TwinError;
use crate::npz_text::Text;

/// How far from its grid a time stamp may lie, in ticks: rounding, not another grid.
const OFF_GRID: f64 = 1e-3;
/// Digitised times this near to an end of the colour range are saturated, in shares of the range.
const SATURATED: f64 = 1.5 / 255.0;
/// Largest code of a synapse.
const LARGEST_CODE: i8 = 63;

impl Recording {
    /// Reads a recording.
    ///
    /// # Errors
    /// [`TwinError`] with the array, the place, the value and what is allowed: arrays that are missing or of another shape,
    /// numbers that are not numbers, negative times, time stamps beside the grid, codes that no synapse has.
    pub fn load(path: &Path) -> Result<Self, TwinError> {
        let file = File::open(path).map_err(|source| TwinError::Io { path: path.to_owned(), source })?;
        let npz = NpzReader::new(file).map_err(|e| TwinError::content(path, format!("not a recording (.npz): {e}")))?;
        Reader { npz }.recording().map_err(|message| TwinError::content(path, message))
    }
}

struct Reader {
    npz: NpzReader<File>,
}

impl Reader {
    fn recording(&mut self) -> Result<Recording, String> {
        let meta = self.text("meta_json")?;
        let value: serde_json::Value = serde_json::from_str(&meta).map_err(|e| format!("meta_json: {e}"))?;
        let units = Units::of_meta(&value).map_err(|e| format!("meta_json: {e}"))?;
        let codes = [self.codes("w1_code")?, self.codes("w2_code")?];
        let sizes = [codes[0].nrows(), codes[0].ncols(), codes[1].ncols()];
        if sizes.contains(&0) || codes[1].nrows() != sizes[1] {
            return Err(format!(
                "w1_code {:?} and w2_code {:?} are not the layers of a network",
                codes[0].dim(),
                codes[1].dim()
            ));
        }
        let delays = match (self.has("delay1")?, self.has("delay2")?) {
            (false, false) => None,
            (true, true) => Some([self.delays("delay1", sizes[0])?, self.delays("delay2", sizes[1])?]),
            _ => return Err("delay1 and delay2 belong together; one of them is missing".into()),
        };
        let train = self.part("train", sizes, &units)?;
        let test = self.part("test", sizes, &units)?;
        let trajectory = if self.has("traj_w1")? { Some(self.trajectory(sizes)?) } else { None };
        let rows_per_run = ["/rows_per_run", "/config/training_params/batch_size"]
            .iter()
            .find_map(|key| value.pointer(key))
            .and_then(serde_json::Value::as_u64)
            .map(|rows| rows as usize)
            .filter(|rows| *rows > 0);
        Ok(Recording { units, codes, delays, train, test, trajectory, rows_per_run, meta })
    }

    fn part(&mut self, part: &str, sizes: [usize; 3], units: &Units) -> Result<Part, String> {
        let [n_inputs, n_hidden, n_outputs] = sizes;
        let inputs: Array2<f64> = self.array(&format!("{part}_inputs"))?;
        let n = inputs.nrows();
        if n == 0 {
            return Err(format!("{part}_inputs has no rows"));
        }
        shape(&format!("{part}_inputs"), &inputs, &[n, n_inputs])?;
        times(&format!("{part}_inputs"), &inputs, None)?;
        let name = format!("{part}_out");
        let outputs: Array2<f64> = self.array(&name)?;
        shape(&name, &outputs, &[n, n_outputs])?;
        times(&name, &outputs, Some(units))?;
        let labels = self.labels(&format!("{part}_labels"), n, n_outputs)?;
        let name = format!("{part}_hidden_digitised");
        let hidden = if self.has(&name)? { Some(self.hidden(part, &name, [n, n_hidden])?) } else { None };
        Ok(Part { inputs, outputs, labels, hidden })
    }

    /// Hidden times, flags and range in one: unknown is `NaN`, silent is infinite.
    fn hidden(&mut self, part: &str, name: &str, expected: [usize; 2]) -> Result<Hidden, String> {
        // Single precision is what digitised files have; double is what an emulated chip has.
        let found: Array2<f64> = match self.npz.by_name::<ndarray::OwnedRepr<f32>, ndarray::Ix2>(name) {
            Ok(array) => array.mapv(f64::from),
            Err(_) => self.array(name)?,
        };
        shape(name, &found, &expected)?;
        if let Some(((row, column), value)) = found.indexed_iter().find(|(_, t)| **t < 0.0) {
            return Err(format!("{name}[{row}, {column}] is {value}; times are not negative"));
        }
        let mut times = found;
        let range_name = format!("{part}_hidden_range");
        if self.has(&range_name)? {
            let range: Array1<f64> = self.array(&range_name)?;
            shape(&range_name, &range, &[2])?;
            let margin = SATURATED * (range[1] - range[0]);
            let inside = range[0] + margin..=range[1] - margin;
            times.mapv_inplace(|t| if t.is_infinite() || inside.contains(&t) { t } else { f64::NAN });
        }
        let flag_name = format!("{part}_hidden_flag");
        if self.has(&flag_name)? {
            let flags: Array2<i8> = self.array(&flag_name)?;
            shape(&flag_name, &flags, &expected)?;
            if let Some(((row, column), flag)) = flags.indexed_iter().find(|(_, f)| !(-1..=1).contains(*f)) {
                return Err(format!(
                    "{flag_name}[{row}, {column}] is {flag}; allowed are 1 (spike), -1 (none), 0 (not known)"
                ));
            }
            times.zip_mut_with(&flags, |t, flag| {
                *t = match flag {
                    1 => *t,
                    -1 => f64::INFINITY,
                    _ => f64::NAN,
                }
            });
        }
        Ok(Hidden { times })
    }

    fn trajectory(&mut self, [n_inputs, n_hidden, n_outputs]: [usize; 3]) -> Result<Trajectory, String> {
        let w1: Array3<f32> = self.array("traj_w1")?;
        let n_epochs = w1.dim().0;
        shape("traj_w1", &w1, &[n_epochs, n_inputs, n_hidden])?;
        let w2: Array3<f32> = self.array("traj_w2")?;
        shape("traj_w2", &w2, &[n_epochs, n_hidden, n_outputs])?;
        for (name, weights) in [("traj_w1", &w1), ("traj_w2", &w2)] {
            if let Some((at, w)) = weights.indexed_iter().find(|(_, w)| !w.is_finite()) {
                return Err(format!("{name}{at:?} is {w}; expected a number"));
            }
        }
        let accuracy: Array1<f64> = self.array("traj_val_acc")?;
        shape("traj_val_acc", &accuracy, &[n_epochs])?;
        let class_means: Array3<f64> = self.array("traj_val_out_mean")?;
        shape("traj_val_out_mean", &class_means, &[class_means.dim().0, n_epochs, n_outputs])?;
        let inputs: Array2<f64> = self.array("val_inputs")?;
        shape("val_inputs", &inputs, &[inputs.nrows(), n_inputs])?;
        times("val_inputs", &inputs, None)?;
        let labels = self.labels("val_labels", inputs.nrows(), n_outputs)?.ok_or("there is no array val_labels")?;
        Ok(Trajectory { w1, w2, accuracy, class_means, inputs, labels })
    }

    fn labels(&mut self, name: &str, n: usize, n_classes: usize) -> Result<Option<Vec<usize>>, String> {
        if !self.has(name)? {
            return Ok(None);
        }
        let labels: Array1<i8> = self.array(name)?;
        shape(name, &labels, &[n])?;
        let checked = labels.indexed_iter().map(|(row, &label)| {
            let class = usize::try_from(label).ok().filter(|class| *class < n_classes);
            class.ok_or_else(|| format!("{name}[{row}] is {label}; classes are 0..{n_classes}"))
        });
        checked.collect::<Result<_, _>>().map(Some)
    }

    fn codes(&mut self, name: &str) -> Result<Array2<i8>, String> {
        let codes: Array2<i8> = self.array(name)?;
        match codes.indexed_iter().find(|(_, c)| !(-LARGEST_CODE..=LARGEST_CODE).contains(*c)) {
            Some(((row, column), code)) => Err(format!(
                "{name}[{row}, {column}] is {code}; codes of a synapse are -{LARGEST_CODE}..={LARGEST_CODE}"
            )),
            None => Ok(codes),
        }
    }

    fn delays(&mut self, name: &str, n: usize) -> Result<Array1<f64>, String> {
        let delays: Array1<f64> = self.array(name)?;
        shape(name, &delays, &[n])?;
        match delays.indexed_iter().find(|(_, d)| !(d.is_finite() && **d >= 0.0)) {
            Some((at, delay)) => Err(format!("{name}[{at}] is {delay}; delays are finite and not negative")),
            None => Ok(delays),
        }
    }

    fn has(&mut self, name: &str) -> Result<bool, String> {
        let names = self.npz.names().map_err(|e| e.to_string())?;
        Ok(names.iter().any(|n| n.trim_end_matches(".npy") == name))
    }

    fn array<T: ReadableElement, D: Dimension>(&mut self, name: &str) -> Result<Array<T, D>, String> {
        if !self.has(name)? {
            return Err(format!("there is no array {name}"));
        }
        self.npz.by_name(name).map_err(|e: ReadNpzError| format!("array {name}: {e}"))
    }

    /// Text, as `NumPy` stores it or as bytes.
    fn text(&mut self, name: &str) -> Result<String, String> {
        if let Ok(text) = self.array::<Text, ndarray::Ix0>(name) {
            let text: Array0<Text> = text;
            return Ok(text.into_scalar().0);
        }
        let bytes: Array1<u8> = self.array(name)?;
        String::from_utf8(bytes.to_vec()).map_err(|e| format!("{name}: {e}"))
    }
}

fn shape<T, D: Dimension>(name: &str, array: &Array<T, D>, expected: &[usize]) -> Result<(), String> {
    if array.shape() == expected {
        return Ok(());
    }
    Err(format!("{name} has the shape {:?}; expected {expected:?}", array.shape()))
}

/// Refuses times that are none, and time stamps beside the grid.
fn times(name: &str, array: &Array2<f64>, grid: Option<&Units>) -> Result<(), String> {
    for ((row, column), &time) in array.indexed_iter() {
        if time.is_nan() || time < 0.0 {
            return Err(format!("{name}[{row}, {column}] is {time}; times are numbers from 0 on, inf for no spike"));
        }
        let Some(units) = grid.filter(|units| units.tick_us > 0.0 && time.is_finite()) else { continue };
        let ticks = time * units.us_per_time / units.tick_us;
        if (ticks - libm::rint(ticks)).abs() > OFF_GRID {
            return Err(format!(
                "{name}[{row}, {column}] is {time}, which is {ticks} ticks of {} us; time stamps are whole ticks",
                units.tick_us
            ));
        }
    }
    Ok(())
}
