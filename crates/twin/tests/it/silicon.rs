//! The fit of one real chip, held against what was measured.

use bss2_emu::noise::Noise;
use twin::fit::{Rows, fit};
use twin::noise::fit_noise;
use twin::population::Population;
use twin::score::rms;
use twin::trajectory::{EPOCHS, other_epochs};
use twin::trials::{TrialScore, emulate, trials};
use twin::{Profile, Twin};

use crate::data;

/// Bounds of the acceptance: the fit, its noise, and the same twin at other weights.
#[test]
fn a_twin_of_silicon_predicts_what_it_was_not_fitted_on() {
    let Some(recording) = data::recording("a_twin_of_silicon_predicts_what_it_was_not_fitted_on") else { return };
    let rows = Rows::default();
    let (profile, stages) = fit(&recording, Population::default(), &rows, |_| ()).unwrap();
    let scores = &stages.last().unwrap().scores;
    let held_out = scores.held_out.unwrap();
    assert!(held_out.rmse <= 0.066 && held_out.agreement >= 0.88, "{held_out:?}");
    assert!(scores.test.rmse <= 0.068 && scores.test.agreement >= 0.86, "{:?}", scores.test);
    assert!(scores.hidden_held_out.unwrap()[1] <= 0.030, "{:?}", scores.hidden_held_out);
    let gains: Vec<f64> = profile.neurons[0].iter().map(|n| n.log_gain).collect();
    let mean = gains.iter().sum::<f64>() / 30.0;
    let spread = (gains.iter().map(|g| (g - mean) * (g - mean)).sum::<f64>() / 29.0).sqrt();
    assert!((0.04..=0.09).contains(&spread) && (0.03..=0.18).contains(&mean), "gain {mean} +- {spread}");

    // Other weights.
    let error = |profile: &Profile| {
        let epochs = other_epochs(&recording, profile, &EPOCHS).unwrap();
        let accuracy = epochs.iter().map(|e| (e.chip - e.model).abs()).sum::<f64>() / epochs.len() as f64;
        (accuracy, rms(&epochs.iter().map(|e| e.class_means).collect::<Vec<_>>()))
    };
    let (accuracy, class_means) = error(&profile);
    assert!(accuracy <= 0.06 && class_means <= 0.045, "{accuracy}, {class_means}");
    let (ideal, _) = error(&Profile::ideal(recording.sizes()));
    assert!((ideal - 0.13).abs() < 0.01, "{ideal}");

    // As a chip, with the noise that the recording shows.
    let codes = recording.codes.clone();
    let report = serde_json::Value::Null;
    let mut twin =
        Twin { units: recording.units, profile, codes, has_delays: false, noise: Noise::BSS2, seed: 1, report };
    fit_noise(&mut twin, &recording, &rows).unwrap();
    let run = |noise| trials(&twin, &recording, &recording.test, noise, 4).unwrap();
    let passes = |score: &TrialScore| {
        score.trial_sd.iter().all(|sd| (0.012..=0.030).contains(sd))
            && score.run_sd.iter().all(|sd| (0.004..=0.015).contains(sd))
            && (0.815..=0.87).contains(&score.accuracy)
    };
    let (noisy, silent) = (run(twin.noise), run(Noise::OFF));
    assert!(passes(&noisy), "{noisy:?}");
    assert!(!passes(&silent), "{silent:?}");

    // The chip does what the model says: to the clock tick, and the order in which copies of an input share a port.
    let found = emulate(&twin, &recording, &recording.test.inputs, Noise::OFF, 0).unwrap();
    let model = twin::score::spikes(&recording, &recording.weights(), &twin.profile, recording.test.inputs.view());
    for (layer, (found, model)) in found.layers.iter().zip(&model).enumerate() {
        let errors = twin::score::differences(found.view(), model.view());
        assert!(rms(&errors) < 0.012, "layer {layer}: {}", rms(&errors));
    }
}

/// 24 chips: the recorded statistics lie inside the 5-95 % band of the population; without the spread of gains the hidden ones do not.
#[test]
fn the_population_could_have_produced_the_recording() {
    use twin::census::{NAMES, Statistics, calibrated, census, quantile, without_gain_spread};
    let Some(recording) = data::recording("the_population_could_have_produced_the_recording") else { return };
    let measured = Statistics::of_recording(&recording).unwrap().values();
    let chips = census(&recording, 24, calibrated).unwrap();
    let inside =
        |chips: &[Statistics], k: usize| (quantile(chips, k, 0.05)..=quantile(chips, k, 0.95)).contains(&measured[k]);
    for (k, name) in NAMES.iter().enumerate() {
        // The chip's own accuracy is that of the chip that it was trained on.
        assert!(*name == "accuracy" || inside(&chips, k), "{name}: {} not in the band", measured[k]);
    }
    let hidden = NAMES.len() - 1;
    let equal = census(&recording, 24, without_gain_spread).unwrap();
    assert!(!inside(&equal, hidden) && measured[hidden] > quantile(&equal, hidden, 0.95), "{}", measured[hidden]);
    let [least, most] = [0.05, 0.95].map(|share| quantile(&chips, 4, share));
    assert!(least >= 0.5 && most <= 0.85, "accuracy of the recorded weights on random chips: {least}..{most}");
}
