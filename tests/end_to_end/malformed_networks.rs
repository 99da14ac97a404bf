//! More than a hundred malformed NIR files: each ends in a clear error of the program within 2 s and 500 MB of address space.

use std::fs;
use std::path::Path;
use std::process::Command;

use hdf5_pure::{FileBuilder, GroupBuilder, make_f64_type};
use ndarray::Array2;
use nir::{CubaLif, Graph, Lif, Node};

use crate::program::text;

fn edge(from: &str, to: &str) -> (String, String) {
    (from.to_owned(), to.to_owned())
}

fn neurons(n: usize) -> CubaLif {
    let of = |value: f64| vec![value; n];
    CubaLif {
        tau_syn: of(5.0),
        tau_mem: of(10.0),
        r: of(1.0),
        v_leak: of(0.0),
        v_threshold: of(1.0),
        v_reset: of(0.0),
        w_in: of(5.0),
    }
}

/// 4-3-2, as the test changes it.
fn graph() -> Graph {
    let mut graph = Graph::default();
    for (name, node) in [
        ("input", Node::Input(vec![4])),
        ("fc1", Node::Linear(Array2::ones((3, 4)))),
        ("lif1", Node::CubaLif(neurons(3))),
        ("fc2", Node::Linear(Array2::ones((2, 3)))),
        ("lif2", Node::CubaLif(neurons(2))),
        ("output", Node::Output(vec![2])),
    ] {
        graph.nodes.insert(name.to_owned(), node);
    }
    let names = ["input", "fc1", "lif1", "fc2", "lif2", "output"];
    graph.edges = names.windows(2).map(|pair| edge(pair[0], pair[1])).collect();
    graph
}

/// Graphs that are put together wrongly, with a word of the complaint.
fn wrong_graphs() -> Vec<(&'static str, Graph)> {
    let with = |change: &dyn Fn(&mut Graph)| {
        let mut graph = graph();
        change(&mut graph);
        graph
    };
    let set = |name: &'static str, node: Node| with(&|graph| drop(graph.nodes.insert(name.to_owned(), node.clone())));
    let lif = |change: &dyn Fn(&mut CubaLif)| {
        let mut neurons = neurons(3);
        change(&mut neurons);
        set("lif1", Node::CubaLif(neurons))
    };
    let weight = |value: f64| set("fc1", Node::Linear(Array2::from_elem((3, 4), value)));
    let connected = |from: &'static str, to: &'static str| with(&|graph| graph.edges.push(edge(from, to)));
    let mut deep = graph();
    for _ in 0..12 {
        let nodes = std::collections::BTreeMap::from([("inner".to_owned(), Node::Graph(deep))]);
        deep = Graph { nodes, ..Graph::default() };
    }
    let crowd = with(&|graph| {
        for k in 0..1300 {
            graph.nodes.insert(format!("g{k}"), Node::Graph(self::graph()));
        }
        graph.edges.extend((1..1300).map(|k| edge(&format!("g{}", k - 1), &format!("g{k}"))));
    });
    vec![
        ("more than 1024 nodes", crowd),
        ("entry 0 is NaN", weight(f64::NAN)),
        ("entry 0 is inf", weight(f64::INFINITY)),
        ("entry 0 is -inf", weight(f64::NEG_INFINITY)),
        ("weights must lie within", weight(1e300)),
        ("spikes have no charge", lif(&|n| n.r[1] = 0.0)),
        ("spikes have no charge", lif(&|n| n.w_in[2] = 0.0)),
        ("`tau_mem`: entry 1 is 0", lif(&|n| n.tau_mem[1] = 0.0)),
        ("`tau_mem`: entry 1 is -2", lif(&|n| n.tau_mem[1] = -2.0)),
        ("`tau_syn`: entry 0 is NaN", lif(&|n| n.tau_syn[0] = f64::NAN)),
        ("tau_syn of neuron 2 is 7 us", lif(&|n| n.tau_syn[2] = 7.0)),
        ("tau_mem of neuron 2 is 17 us", lif(&|n| n.tau_mem[2] = 17.0)),
        ("threshold of neuron 1 is not above its leak", lif(&|n| n.v_threshold[1] = 0.0)),
        ("threshold of neuron 1 is not above its leak", lif(&|n| n.v_leak[1] = 2.0)),
        ("`v_leak`: 2 values, but `tau_syn` has 3", lif(&|n| n.v_leak = vec![0.0; 2])),
        ("`v_reset`: entry 0 is NaN", lif(&|n| n.v_reset[0] = f64::NAN)),
        ("3 values come from \"fc1\", but it takes 5", set("lif1", Node::CubaLif(neurons(5)))),
        ("4 values come from \"input\", but it takes 7", set("fc1", Node::Linear(Array2::ones((3, 7))))),
        ("3 values come from \"lif1\", but it takes 9", set("fc2", Node::Linear(Array2::ones((2, 9))))),
        ("2 values come from \"lif2\", but it takes 5", set("output", Node::Output(vec![5]))),
        ("5 values come from \"input\", but it takes 4", set("input", Node::Input(vec![5]))),
        ("0 is no size", set("input", Node::Input(vec![0]))),
        ("flatten it", set("input", Node::Input(vec![2, 2]))),
        ("2 nodes of type Input", set("more", Node::Input(vec![4]))),
        (
            "0 nodes of type Output",
            with(&|graph| {
                graph.nodes.remove("output");
                graph.edges.pop();
            }),
        ),
        ("part of a loop", connected("lif2", "fc1")),
        ("it feeds itself", connected("lif1", "lif1")),
        ("it feeds itself", connected("fc1", "fc1")),
        ("is there twice", connected("fc1", "lif1")),
        ("names \"nowhere\"", connected("fc1", "nowhere")),
        ("names \"\"", connected("", "fc1")),
        ("several nodes", connected("lif1", "lif2")),
        ("the input reaches it without weights", connected("input", "lif1")),
        ("nothing leads to it", with(&|graph| graph.edges.retain(|(from, _)| from != "input"))),
        ("it leads nowhere", with(&|graph| graph.edges.retain(|(from, _)| from != "lif1"))),
        ("nothing leads to it", with(&|graph| graph.edges.clear())),
        (
            "not spikes",
            with(&|graph| {
                graph.edges.truncate(3);
                graph.edges.push(edge("fc2", "output"));
            }),
        ),
        ("4 values for weights", set("fc1", Node::Affine { weight: Array2::ones((3, 4)), bias: vec![0.0; 4] })),
        ("lifts the rest of neuron 0", set("fc1", Node::Affine { weight: Array2::ones((3, 4)), bias: vec![1.0; 3] })),
        (
            "no synapse",
            set(
                "lif1",
                Node::Lif(Lif {
                    tau: vec![10.0],
                    r: vec![1.0],
                    v_leak: vec![0.0],
                    v_threshold: vec![1.0],
                    v_reset: vec![0.0],
                }),
            ),
        ),
        ("without exactly one Input", set("lif1", Node::Graph(Graph::default()))),
        ("more than 8 deep", deep),
    ]
}

fn group(root: &mut GroupBuilder, name: &str, kind: &str, fill: impl FnOnce(&mut GroupBuilder)) {
    let mut group = root.create_group(name);
    group.create_dataset("type").with_vlen_strings(&[kind]).with_shape(&[]);
    fill(&mut group);
    root.add_group(group.finish());
}

/// A file with one node between Input and Output.
fn file(kind: &str, fill: impl FnOnce(&mut GroupBuilder)) -> Vec<u8> {
    let mut file = FileBuilder::new();
    let mut root = file.create_group("node");
    root.create_dataset("type").with_vlen_strings(&["NIRGraph"]).with_shape(&[]);
    root.create_dataset("edges").with_vlen_strings(&["input", "it", "it", "output"]).with_shape(&[2, 2]);
    let mut nodes = root.create_group("nodes");
    group(&mut nodes, "input", "Input", |g| {
        g.create_dataset("shape").with_i64_data(&[2]);
    });
    group(&mut nodes, "output", "Output", |g| {
        g.create_dataset("shape").with_i64_data(&[2]);
    });
    group(&mut nodes, "it", kind, fill);
    root.add_group(nodes.finish());
    file.add_group(root.finish());
    file.finish().unwrap()
}

/// Files whose fields are wrong, with a word of the complaint.
fn wrong_files() -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let linear = |fill: &dyn Fn(&mut GroupBuilder)| file("Linear", |g| fill(g));
    let mut add = |word: &str, bytes: Vec<u8>| files.push((word.to_owned(), bytes));
    for kind in ["Synapse", "", "linear", "NIRGraph2", "CubaLIF\u{fffd}"] {
        add("is no type of NIR", file(kind, |_| ()));
    }
    for kind in ["IF", "LI", "CubaLI", "I", "Delay", "Scale", "Threshold", "Conv1d", "AvgPool2d", "Flatten"] {
        add(&format!("{kind} \"it\""), file(kind, |_| ()));
    }
    add("field `nodes`: missing", file("NIRGraph", |_| ()));
    add("field `weight`: missing", linear(&|_| ()));
    add(
        "field `bias`: missing",
        file("Affine", |g| {
            g.create_dataset("weight").with_f64_data(&[1.0; 4]).with_shape(&[2, 2]);
        }),
    );
    add(
        "type string",
        linear(&|g| {
            g.create_dataset("weight").with_strings(&["1.0", "2.0"]).unwrap().with_shape(&[1, 2]);
        }),
    );
    add(
        "type vlen_string",
        linear(&|g| {
            g.create_dataset("weight").with_vlen_strings(&["1.0"]).with_shape(&[1, 1]);
        }),
    );
    add(
        "shape [4]; needed are two dimensions",
        linear(&|g| {
            g.create_dataset("weight").with_f64_data(&[1.0; 4]);
        }),
    );
    add(
        "shape []; needed are two dimensions",
        linear(&|g| {
            g.create_dataset("weight").with_f64_data(&[1.0]).with_shape(&[]);
        }),
    );
    add(
        "shape [1, 2, 2]",
        linear(&|g| {
            g.create_dataset("weight").with_f64_data(&[1.0; 4]).with_shape(&[1, 2, 2]);
        }),
    );
    add(
        "at least one weight",
        linear(&|g| {
            g.create_dataset("weight").with_dtype(make_f64_type()).with_shape(&[0, 3]);
        }),
    );
    add(
        "field `weights`: unknown; this type has weight",
        linear(&|g| {
            g.create_dataset("weights").with_f64_data(&[1.0]);
        }),
    );
    let fields = ["tau_syn", "tau_mem", "r", "v_leak", "v_threshold"];
    for missing in fields {
        add(
            &format!("field `{missing}`: missing"),
            file("CubaLIF", |g| {
                for field in fields.into_iter().filter(|field| *field != missing) {
                    g.create_dataset(field).with_f64_data(&[1.0, 1.0]);
                }
            }),
        );
    }
    add(
        "CubaLIF \"it\": shape [2, 1]",
        file("CubaLIF", |g| {
            for field in fields {
                g.create_dataset(field).with_f64_data(&[1.0, 1.0]).with_shape(&[2, 1]);
            }
        }),
    );
    let mut plain = FileBuilder::new();
    plain.create_dataset("weight").with_f64_data(&[1.0]);
    add("no group `node`", plain.finish().unwrap());
    let mut other = FileBuilder::new();
    let mut root = other.create_group("node");
    root.create_dataset("type").with_vlen_strings(&["Linear"]).with_shape(&[]);
    other.add_group(root.finish());
    add("needed is a NIRGraph", other.finish().unwrap());
    for (word, shape, ends) in [("shape [3]", vec![3], 3), ("shape [1, 3]", vec![1, 3], 3), ("shape []", vec![], 1)] {
        let mut file = FileBuilder::new();
        let mut root = file.create_group("node");
        root.create_dataset("type").with_vlen_strings(&["NIRGraph"]).with_shape(&[]);
        root.create_dataset("edges").with_vlen_strings(&vec!["a"; ends]).with_shape(&shape);
        let mut nodes = root.create_group("nodes");
        group(&mut nodes, "a", "Flatten", |_| ());
        root.add_group(nodes.finish());
        file.add_group(root.finish());
        add(word, file.finish().unwrap());
    }
    files
}

/// Runs the program under the limits, expects exit code 1, and returns its complaint.
fn complaint(path: &Path) -> String {
    let limited = "ulimit -v 500000 && exec timeout 2 \"$0\" network show \"$1\"";
    let output = Command::new("sh").args(["-c", limited, env!("CARGO_BIN_EXE_bss2"), &text(path)]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let size = fs::metadata(path).map_or(0, |file| file.len());
    assert_eq!(output.status.code(), Some(1), "{} ({size} bytes): {said}", path.display());
    assert!(said.starts_with("error: ") && said.contains(path.file_name().unwrap().to_str().unwrap()), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

#[test]
#[cfg(target_os = "linux")]
fn a_hundred_malformed_networks_end_in_a_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("malformed.nir");
    let good = graph().encode().unwrap();
    let mut count = 0;
    for k in 0..40 {
        fs::write(&path, &good[..good.len() * k / 40]).unwrap();
        let said = complaint(&path);
        assert!(said.contains("damaged") || said.contains("not a NIR file"), "cut off at {k}/40: {said}");
        count += 1;
    }
    let encoded = wrong_graphs().into_iter().map(|(word, graph)| (word.to_owned(), graph.encode().unwrap()));
    let mut unclear = Vec::new();
    for (word, bytes) in encoded.chain(wrong_files()) {
        fs::write(&path, bytes).unwrap();
        let said = complaint(&path);
        if !said.contains(&word) {
            unclear.push(format!("`{word}` is missing in: {said}"));
        }
        count += 1;
    }
    assert!(unclear.is_empty(), "{}", unclear.join("\n"));
    for (name, word) in [("made_huge.nir", "[50000, 25000]"), ("made_huge_chunk.nir", "[30000, 9000]")] {
        let huge = Path::new(env!("CARGO_MANIFEST_DIR")).join("../nir/tests/fixtures").join(name);
        let said = complaint(&huge);
        assert!(said.contains(word) && said.contains("up to 8388608 numbers"), "{said}");
        count += 1;
    }
    // A file that is 10 GB large, and holds nothing.
    fs::File::create(&path).unwrap().set_len(10_000_000_000).unwrap();
    assert!(complaint(&path).contains("up to 128 MiB"));
    // A folder by the name of a file.
    let directory = folder.path().join("folder.nir");
    fs::create_dir(&directory).unwrap();
    assert!(complaint(&directory).contains("not a file"));
    assert!(count >= 100, "{count}");
}

#[test]
#[cfg(target_os = "linux")]
fn flipped_bits_end_in_an_error_or_in_a_network() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flipped.nir");
    let good = graph().encode().unwrap();
    let mut state = 7_u64;
    for _ in 0..40 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let bit = (state >> 16) as usize % (8 * good.len());
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &bytes).unwrap();
        let limited = "ulimit -v 500000 && exec timeout 2 \"$0\" network show \"$1\"";
        let output =
            Command::new("sh").args(["-c", limited, env!("CARGO_BIN_EXE_bss2"), &text(&path)]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        match output.status.code() {
            Some(0) => (),
            Some(1) => assert!(said.contains("flipped.nir") && !said.contains("panicked"), "bit {bit}: {said}"),
            other => panic!("bit {bit}: {other:?} {said}"),
        }
    }
}
