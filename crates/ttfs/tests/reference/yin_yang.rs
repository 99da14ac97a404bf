//! The generator of the Yin-Yang set against what the reference generator wrote.

use ndarray::{Array1, Array2};
use ttfs::data::yin_yang::YinYang;

use crate::data;

#[test]
fn every_point_bit_for_bit() {
    let Some(folder) = data::folder("yin_yang::every_point_bit_for_bit") else { return };
    let file = folder.join("oracles/yin_yang_reference.npz");
    for (set, seed, n_samples) in [("train", 42, 5000), ("validation", 41, 1000), ("test", 40, 1000)] {
        let x: Array2<f64> = data::array(&file, &format!("{set}_x"));
        let y: Array1<u8> = data::array(&file, &format!("{set}_y"));
        let ours = YinYang::new(seed, n_samples).generate().unwrap();
        assert_eq!(ours.features.mapv(f64::to_bits), x.mapv(f64::to_bits), "{set}");
        assert_eq!(ours.labels, y.mapv(usize::from).to_vec(), "{set}");
    }
}
