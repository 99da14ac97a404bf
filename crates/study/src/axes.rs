//! What varies: axes of configuration keys and the points that they span.

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::table::{AFTER_METRICS, OF_SUMMARY, OF_TRIAL};

/// Most points of a study; more is a slip of the pen.
pub(crate) const MOST_POINTS: usize = 100_000;

/// Metrics of every test, which are columns too.
const METRICS: [&str; 4] = ["accuracy", "loss", "silent", "validation_accuracy"];

/// Whether tables have a column of this name anyway.
fn is_taken(name: &str) -> bool {
    [&OF_TRIAL[..], &AFTER_METRICS, &OF_SUMMARY, &METRICS].into_iter().flatten().any(|taken| *taken == name)
}

/// How axes make points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Design {
    /// Every combination of values.
    #[default]
    Product,
    /// One axis at a time; the others stay at the base configuration.
    OneAtATime,
}

/// An axis: a key with its values, or keys that move together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Axis {
    /// Short name, the column of tables.
    pub name: String,
    /// What figures write beside the axis; empty: the name.
    #[serde(default)]
    pub label: String,
    /// The key that takes the values; several take them together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// Values. With several keys each is a list, one value for each key, or one value for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Value>,
    /// Instead of keys and values: whole tables of the configuration, each a point of the axis.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<Table>,
    /// Where `tables`, or values that are no numbers, lie on the axis.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at: Vec<f64>,
    /// Names of the points.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Axes of the same group move together: their first values, their second values, and so on.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub zip: String,
}

/// The place of a point on one axis.
#[derive(Debug, Clone, PartialEq)]
pub struct AxisValue {
    /// Index of the axis.
    pub axis: usize,
    /// What tables write.
    pub text: String,
    /// Where it lies, if it is a number.
    pub at: Option<f64>,
}

/// A point of the study: its place on the axes that vary there, and the configuration that makes it.
#[derive(Debug, Clone, PartialEq)]
pub struct AxisPoint {
    /// Places, by axis.
    pub values: Vec<AxisValue>,
    /// Keys to set, with the axis as origin.
    pub tables: Vec<(String, Table)>,
}

impl Axis {
    /// Number of its points.
    pub fn len(&self) -> usize {
        self.values.len().max(self.tables.len())
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What figures write beside it.
    pub fn label(&self) -> &str {
        if self.label.is_empty() { &self.name } else { &self.label }
    }

    /// Only every `stride`-th point, the first and the last included.
    pub(crate) fn thin(&mut self, stride: usize) {
        fn kept<T>(list: &mut Vec<T>, keep: impl Fn(usize) -> bool) {
            let mut index = 0;
            list.retain(|_| {
                index += 1;
                keep(index - 1)
            });
        }
        let last = self.len().saturating_sub(1);
        let keep = |index: usize| index.is_multiple_of(stride) || index == last;
        kept(&mut self.values, keep);
        kept(&mut self.tables, keep);
        kept(&mut self.at, keep);
        kept(&mut self.names, keep);
    }

    /// What is wrong with it, under the key `axes[index]`.
    pub(crate) fn problems(&self, index: usize) -> Vec<String> {
        let mut problems = Vec::new();
        let key = format!("axes[{index}]");
        let valid = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if self.name.is_empty() || !self.name.chars().all(valid) {
            problems.push(format!("{key}.name: {:?} is not allowed; expected letters, digits, - and _", self.name));
        }
        if is_taken(&self.name) {
            problems.push(format!("{key}.name: {:?} is a column of the results; expected another name", self.name));
        }
        match (self.keys.is_empty(), self.tables.is_empty()) {
            (true, true) => {
                problems.push(format!("{key}: neither `keys` with `values` nor `tables`; expected one of them"));
            }
            (false, false) => problems.push(format!("{key}: `keys` and `tables`; expected one of them")),
            (false, true) if self.values.is_empty() => {
                problems.push(format!("{key}.values: [] is not allowed; expected one value or more"));
            }
            (true, false) if !self.values.is_empty() => {
                problems.push(format!("{key}.values: has no effect beside `tables`"));
            }
            _ => {}
        }
        for name in &self.keys {
            if name.is_empty() || name.split('.').any(str::is_empty) {
                problems.push(format!(
                    "{key}.keys: {name:?} is not allowed; expected a configuration key such as \"training.epochs\""
                ));
            }
            if ["chip.seed", "training.seed"].contains(&name.as_str()) {
                problems
                    .push(format!("{key}.keys: {name:?} is not allowed; `chips` and `seeds` of the study say that"));
            }
        }
        if self.keys.len() > 1 {
            for (n, value) in self.values.iter().enumerate() {
                if let Some(list) = value.as_array().filter(|list| list.len() != self.keys.len()) {
                    problems.push(format!(
                        "{key}.values[{n}]: {value} has {} values; expected {}, one for each of `keys`",
                        list.len(),
                        self.keys.len()
                    ));
                }
            }
        }
        for (what, found) in [("at", self.at.len()), ("names", self.names.len())] {
            if found != 0 && found != self.len() {
                problems.push(format!("{key}.{what}: {found} entries; expected {}, one for each point", self.len()));
            }
        }
        if self.at.iter().any(|at| !at.is_finite()) {
            problems.push(format!("{key}.at: {:?} is not allowed; expected finite numbers", self.at));
        }
        problems
    }

    /// Its point `n`: place, and keys to set.
    fn point(&self, axis: usize, n: usize) -> (AxisValue, (String, Table)) {
        let origin = format!("axis {}", self.name);
        let value = self.values.get(n);
        let number = |value: &Value| value.as_float().or_else(|| value.as_integer().map(|i| i as f64));
        let at = self.at.get(n).copied().or_else(|| value.and_then(number));
        let text = match (self.names.get(n), value, at) {
            (Some(name), _, _) => name.clone(),
            (None, Some(Value::String(text)), _) => text.clone(),
            (None, Some(value), _) => value.to_string(),
            (None, None, Some(at)) => at.to_string(),
            (None, None, None) => (n + 1).to_string(),
        };
        let mut table = Table::new();
        if let Some(given) = self.tables.get(n) {
            table = given.clone();
        } else if let Some(value) = value {
            for (k, key) in self.keys.iter().enumerate() {
                let own = match value.as_array() {
                    Some(list) if self.keys.len() > 1 => list.get(k).cloned().unwrap_or_else(|| value.clone()),
                    _ => value.clone(),
                };
                insert(&mut table, key, own);
            }
        }
        (AxisValue { axis, text, at }, (origin, table))
    }
}

/// Sets a dotted key, making the tables on its way.
pub(crate) fn insert(table: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        None => {
            table.insert(key.to_owned(), value);
        }
        Some((first, rest)) => {
            let inner = table.entry(first).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}

/// Groups of axes that move together, in the order of their first axes.
fn groups(axes: &[Axis]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (index, axis) in axes.iter().enumerate() {
        let group = (!axis.zip.is_empty()).then(|| groups.iter_mut().find(|g| axes[g[0]].zip == axis.zip)).flatten();
        match group {
            Some(group) => group.push(index),
            None => groups.push(vec![index]),
        }
    }
    groups
}

/// What is wrong with axes that move together, and with their number of points.
pub(crate) fn problems(axes: &[Axis], design: Design) -> Vec<String> {
    let mut problems = Vec::new();
    for (index, axis) in axes.iter().enumerate() {
        problems.extend(axis.problems(index));
        if axes[..index].iter().any(|other| other.name == axis.name) {
            problems.push(format!("axes[{index}].name: {:?} is taken; expected a name of its own", axis.name));
        }
    }
    let groups = groups(axes);
    for group in &groups {
        for &index in &group[1..] {
            let (own, first) = (axes[index].len(), axes[group[0]].len());
            if own != first {
                problems.push(format!(
                    "axes[{index}]: {own} points, but axes[{}] of the same `zip` has {first}; expected as many",
                    group[0]
                ));
            }
        }
    }
    for (index, axis) in axes.iter().enumerate().filter(|_| design == Design::Product) {
        for key in &axis.keys {
            if let Some(other) = axes[..index].iter().find(|other| other.keys.contains(key)) {
                problems.push(format!(
                    "axes[{index}].keys: {key:?} is varied by axis {:?} already; expected each key on one axis",
                    other.name
                ));
            }
        }
    }
    let points = n_points(axes, design);
    if points > MOST_POINTS {
        problems.push(format!("axes: {points} points; expected at most {MOST_POINTS}"));
    }
    problems
}

/// Number of points.
pub(crate) fn n_points(axes: &[Axis], design: Design) -> usize {
    let groups = groups(axes);
    let lengths = groups.iter().map(|group| axes[group[0]].len());
    match design {
        Design::Product => lengths.fold(1, usize::saturating_mul),
        Design::OneAtATime => lengths.sum(),
    }
}

/// All points, the last axis moving fastest. Without axes there is one point.
pub(crate) fn points(axes: &[Axis], design: Design) -> Vec<AxisPoint> {
    let groups = groups(axes);
    let of_group = |group: &[usize], n: usize| {
        let (values, tables) = group.iter().map(|&index| axes[index].point(index, n)).unzip();
        AxisPoint { values, tables }
    };
    if design == Design::OneAtATime {
        return groups.iter().flat_map(|g| (0..axes[g[0]].len()).map(|n| of_group(g, n)).collect::<Vec<_>>()).collect();
    }
    let mut points = vec![AxisPoint { values: Vec::new(), tables: Vec::new() }];
    for group in &groups {
        points = points
            .iter()
            .flat_map(|point| {
                (0..axes[group[0]].len()).map(|n| {
                    let more = of_group(group, n);
                    let mut point = point.clone();
                    point.values.extend(more.values);
                    point.tables.extend(more.tables);
                    point
                })
            })
            .collect();
    }
    for point in &mut points {
        point.values.sort_by_key(|value| value.axis);
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(point: &AxisPoint) -> Vec<&str> {
        point.values.iter().map(|v| v.text.as_str()).collect()
    }

    fn axes(text: &str) -> Vec<Axis> {
        #[derive(Deserialize)]
        struct File {
            axes: Vec<Axis>,
        }
        toml::from_str::<File>(text).unwrap().axes
    }

    #[test]
    fn axes_span_a_product_or_stand_alone() {
        let axes = axes(
            "axes = [{ name = 'a', keys = ['x.y'], values = [1, 2] }, { name = 'b', keys = ['z', 'x.w'], values = [[1, 2], [3, 4], 5] }]",
        );
        let product = points(&axes, Design::Product);
        assert_eq!(product.len(), 6);
        assert_eq!(texts(&product[1]), ["1", "[3, 4]"]);
        assert_eq!(product[1].tables[1].1.to_string(), "z = 3\n\n[x]\nw = 4\n");
        assert_eq!(product[5].tables[1].1.to_string(), "z = 5\n\n[x]\nw = 5\n");
        let alone = points(&axes, Design::OneAtATime);
        assert_eq!(alone.len(), 5);
        assert_eq!(alone[2].values[0].axis, 1);
        assert_eq!(points(&[], Design::Product).len(), 1);
    }

    #[test]
    fn axes_of_a_group_move_together() {
        let axes = axes(
            "axes = [{ name = 'a', zip = 'g', keys = ['x'], values = [1, 2] }, { name = 'c', keys = ['y'], values = [7, 8, 9] }, { name = 'b', zip = 'g', keys = ['z'], values = ['p', 'q'] }]",
        );
        assert!(problems(&axes, Design::Product).is_empty());
        let points = points(&axes, Design::Product);
        assert_eq!(points.len(), 6);
        assert_eq!(texts(&points[3]), ["2", "7", "q"]);
    }

    #[test]
    fn points_are_named_and_placed() {
        let axes =
            axes("axes = [{ name = 'a', tables = [{ x = 1 }, { x = 2 }], at = [0.5, 1.5], names = ['half', 'more'] }]");
        let points = points(&axes, Design::Product);
        assert_eq!(points[1].values[0], AxisValue { axis: 0, text: "more".into(), at: Some(1.5) });
        let mut thinned = axes[0].clone();
        thinned.thin(3);
        assert_eq!(thinned.names, ["half", "more"]);
    }
}
