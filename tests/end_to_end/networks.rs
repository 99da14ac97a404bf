//! Networks in other formats: `network show`, `network convert`, and `infer` of NIR files.

use std::fs;
use std::path::{Path, PathBuf};

use ndarray::Array2;
use ndarray_npy::NpzReader;

use crate::program::{SHORT, bss2, data, fail, succeed, table_of_chip_1, text};

fn fixture(name: &str) -> String {
    text(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../nir/tests/fixtures").join(name))
}

fn times(path: &Path) -> Vec<Array2<f64>> {
    let mut npz = NpzReader::new(fs::File::open(path).unwrap()).unwrap();
    let layers = npz.names().unwrap().iter().filter(|name| name.starts_with("times_")).count();
    (0..layers).map(|layer| npz.by_name(&format!("times_{layer}")).unwrap()).collect()
}

/// Spike times of two networks with the same arguments.
fn both(base: &Path, a: &str, b: &str, more: &[&str]) -> [Vec<Array2<f64>>; 2] {
    [a, b].map(|network| {
        let out: PathBuf = base.join("times.npz");
        let mut arguments = vec!["infer", network, "--times", out.to_str().unwrap()];
        arguments.extend(more);
        succeed(&arguments);
        times(&out)
    })
}

#[test]
fn a_network_written_as_nir_and_read_again_spikes_at_the_same_times() {
    let base = tempfile::tempdir().unwrap();
    let run = text(&base.path().join("run"));
    let mut arguments = vec!["train", "--substrate", "ideal", "--epochs", "2", "--out", &run];
    arguments.extend(SHORT);
    succeed(&arguments);
    let [nir, npz] = ["net.nir", "net.npz"].map(|name| text(&base.path().join(name)));
    succeed(&["network", "convert", &run, &nir]);
    succeed(&["network", "convert", &nir, &npz]);
    let trained = text(&base.path().join("run/network.npz"));
    let few = ["--set", "data.test_size=200"];
    for place in [["--substrate", "ideal"], ["--calibration", table_of_chip_1()]] {
        let more = [few, place].concat();
        let [expected, found] = both(base.path(), &trained, &nir, &more);
        assert_eq!(expected[0].dim(), (200, 120));
        assert!(expected[0].iter().filter(|t| t.is_finite()).count() > 1000);
        assert_eq!(expected, found, "{place:?}");
        assert_eq!(both(base.path(), &nir, &npz, &more)[1], expected);
    }
    assert_eq!(fs::read(&trained).unwrap(), fs::read(&npz).unwrap(), "the network that went through NIR");
    // The same network, the same bytes.
    let again = text(&base.path().join("again.nir"));
    succeed(&["network", "convert", &npz, &again]);
    assert_eq!(fs::read(&nir).unwrap(), fs::read(&again).unwrap());
}

#[test]
fn a_published_network_with_bias_spikes_goes_through_nir() {
    let Some(folder) = data("networks::a_published_network_with_bias_spikes_goes_through_nir") else { return };
    let base = tempfile::tempdir().unwrap();
    let nir = text(&base.path().join("published.nir"));
    let published = text(&folder.join("networks/fast_and_deep_yinyang.npz"));
    succeed(&["network", "convert", &published, &nir]);
    let [expected, found] = both(base.path(), &published, &nir, &["--substrate", "ideal"]);
    assert_eq!(expected, found);
    let shown = succeed(&["network", "show", &nir, "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["sizes"], serde_json::json!([5, 120, 3]));
    assert_eq!(shown["layers"][1]["bias_time"], serde_json::json!(0.9));
}

#[test]
fn networks_of_other_tools_run_or_are_refused() {
    let base = tempfile::tempdir().unwrap();
    // Six samples of four features, three classes.
    let csv = base.path().join("samples.csv");
    fs::write(&csv, "a,b,c,d,label\n0,.1,.5,1,0\n.5,.1,0,1,1\n1,1,0,0,2\n0,0,0,0,0\n.3,.3,.3,.3,1\n.9,.1,.2,.4,2\n")
        .unwrap();
    let csv = text(&csv);
    for name in ["made_snntorch.nir", "made_rockpool.nir", "made_norse.nir", "made_nested.nir", "made_forms.nir"] {
        let printed =
            succeed(&["infer", &fixture(name), "--data", &csv, "--substrate", "ideal", "--set", "encoding.t_late=1.5"]);
        assert!(printed.contains("6 test samples of file on the ideal substrate"), "{name}: {printed}");
    }
    let warned = succeed(&["network", "show", &fixture("made_rockpool.nir")]);
    assert!(warned.contains("WARNING: time constants are read in s") && warned.contains("--nir-time-unit"), "{warned}");
    let given = ["--nir-time-unit", "s", "--nir-spike", "current"];
    let told = succeed(&[["network", "show", &fixture("made_rockpool.nir")].as_slice(), &given].concat());
    assert!(!told.contains("WARNING"), "{told}");
    for (name, reason) in [
        ("lif_norse.nir", "LIF \"1\": it has no synapse"),
        ("braille_snntorch.nir", "CubaLIF \"lif1.lif\": it is part of a loop"),
        ("scnn_mnist_sinabs.nir", "Conv2d \"0\": convolutions share weights"),
    ] {
        let complaint = fail(&["infer", &fixture(name)]);
        assert!(complaint.contains(name) && complaint.contains(reason), "{complaint}");
    }
}

#[test]
fn wrong_uses_are_told() {
    let base = tempfile::tempdir().unwrap();
    let nir = fixture("made_snntorch.nir");
    let complains = |arguments: &[&str], words: &[&str]| {
        let complaint = fail(arguments);
        for word in words {
            assert!(complaint.contains(word), "`{word}` is missing in: {complaint}");
        }
    };
    complains(&["network", "convert", &nir, &text(&base.path().join("net.txt"))], &["net.txt", ".npz or .nir"]);
    complains(&["network", "show", "no-such.nir"], &["cannot read no-such.nir"]);
    let slow = fixture("made_forms.nir");
    complains(
        &["network", "show", &slow, "--nir-time-unit", "s"],
        &["made_forms.nir", "5000000 us", "say --nir-time-unit ms"],
    );
    complains(&["infer", &nir], &["NIR does not say", "--data SET|FILE"]);
    complains(&["calib", "targets", &nir], &["a NIR file where an .npz is needed", "bss2 network convert"]);
    complains(&["infer", &nir, "--data", "yin-yang", "--set", "network.hidden=3"], &["cannot be changed here"]);
    let npz = text(&base.path().join("net.npz"));
    succeed(&["network", "convert", &nir, &npz]);
    complains(&["network", "show", &npz, "--nir-time-unit", "s"], &["--nir-time-unit is for .nir files"]);
    for (flag, value) in
        [("--nir-time-unit", "us"), ("--nir-spike", "0"), ("--nir-tau-syn", "-1"), ("--nir-tau-syn", "x")]
    {
        let output = bss2(&["network", "show", &nir, flag, value]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{flag} {value}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(flag));
    }
}
