//! Parameters of neurons.

use hdf5_pure::Group;

use super::Place;
use super::array::{self, Budget};
use crate::Error;
use crate::graph::{CubaLif, Lif, Node};

/// Reads the fields of neurons: all of one length, or single numbers.
struct Fields<'a> {
    budget: &'a mut Budget,
    place: Place<'a>,
    group: &'a Group,
    longest: Option<(&'static str, usize)>,
}

impl Fields<'_> {
    fn of(&mut self, field: &'static str) -> Result<Vec<f64>, Error> {
        let values = self.budget.vector(self.place, self.group, field)?;
        let n = values.len();
        match self.longest {
            Some((other, m)) if n != 1 && m != 1 && n != m => {
                let message = format!("{n} values, but `{other}` has {m}; all fields need one for each neuron");
                Err(self.place.field(field, message))
            }
            Some((_, m)) if n <= m => Ok(values),
            _ => {
                self.longest = Some((field, n));
                Ok(values)
            }
        }
    }

    fn or(&mut self, field: &'static str, default: f64) -> Result<Vec<f64>, Error> {
        if array::has(self.place, self.group, field)? { self.of(field) } else { Ok(vec![default]) }
    }

    fn positive(&mut self, field: &'static str) -> Result<Vec<f64>, Error> {
        let values = self.of(field)?;
        match values.iter().position(|v| *v <= 0.0) {
            Some(k) => {
                Err(self.place.field(field, format!("entry {k} is {}; time constants must be positive", values[k])))
            }
            None => Ok(values),
        }
    }
}

/// The shape of the parameters where they are no vector.
fn shaped(place: Place, group: &Group, fields: &[&str], kind: &str) -> Result<Option<Node>, Error> {
    array::only(place, group, fields)?;
    let shape = array::find(place, group, "v_threshold")?.shape;
    Ok((shape.len() > 1).then(|| Node::Other { kind: kind.to_owned(), shape: Some(shape) }))
}

pub(super) fn cuba_lif(budget: &mut Budget, place: Place, group: &Group) -> Result<Node, Error> {
    let fields = ["tau_syn", "tau_mem", "r", "v_leak", "v_threshold", "v_reset", "w_in"];
    if let Some(node) = shaped(place, group, &fields, "CubaLIF")? {
        return Ok(node);
    }
    let mut fields = Fields { budget, place, group, longest: None };
    Ok(Node::CubaLif(CubaLif {
        tau_syn: fields.positive("tau_syn")?,
        tau_mem: fields.positive("tau_mem")?,
        r: fields.of("r")?,
        v_leak: fields.of("v_leak")?,
        v_threshold: fields.of("v_threshold")?,
        v_reset: fields.or("v_reset", 0.0)?,
        w_in: fields.or("w_in", 1.0)?,
    }))
}

pub(super) fn lif(budget: &mut Budget, place: Place, group: &Group) -> Result<Node, Error> {
    let fields = ["tau", "r", "v_leak", "v_threshold", "v_reset"];
    if let Some(node) = shaped(place, group, &fields, "LIF")? {
        return Ok(node);
    }
    let mut fields = Fields { budget, place, group, longest: None };
    Ok(Node::Lif(Lif {
        tau: fields.positive("tau")?,
        r: fields.of("r")?,
        v_leak: fields.of("v_leak")?,
        v_threshold: fields.of("v_threshold")?,
        v_reset: fields.or("v_reset", 0.0)?,
    }))
}
