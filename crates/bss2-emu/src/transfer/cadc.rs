//! What a CADC channel makes of a potential, before noise, rounding and the digital correction.
//!
//! A channel counts until a ramp reaches the potential. All channels of a quadrant share the ramp: its start and its steepness
//! are analog codes of the quadrant ([`CodeTable::cadc_ramp_offset`], [`CodeTable::cadc_ramp_slope`]).

use super::SMALLEST_CODE;
use crate::codes::QUADRANTS;
use crate::parameters::CodeTable;
use crate::variation::{Deviations, RampDeviation};

/// Potential of one code of the ramp's start, in LSB: 1.56 mV per code, 4.5 mV per LSB.
const LSB_PER_RAMP_CODE: f64 = 1.56 / 4.5;

/// What one CADC channel reads: `offset_lsb + slope v` at a potential of `v` LSB.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CadcChannel {
    /// Reading at 0 LSB.
    pub offset_lsb: f64,
    /// LSB read per LSB.
    pub slope: f64,
}

impl CadcChannel {
    /// A channel that reads the potential itself plus an offset.
    pub fn with_offset(offset_lsb: f64) -> Self {
        Self { offset_lsb, slope: 1.0 }
    }

    /// What it reads.
    pub fn read(&self, potential_lsb: f64) -> f64 {
        self.offset_lsb + self.slope * potential_lsb
    }
}

/// The ramps of the quadrants, as channels without offsets of their own. A later start and a steeper ramp make all
/// readings smaller; at the default codes a nominal ramp reads the potential itself.
pub(crate) fn ramps(table: &CodeTable, deviations: &Deviations) -> [CadcChannel; QUADRANTS] {
    let nominal = f64::from(CodeTable::CADC_RAMP);
    std::array::from_fn(|q| {
        let RampDeviation { offset_lsb, slope } = deviations.ramps[q];
        let slope = slope * nominal / f64::from(table.cadc_ramp_slope[q].get()).max(SMALLEST_CODE);
        let start = f64::from(table.cadc_ramp_offset[q].get()) - nominal;
        CadcChannel { offset_lsb: offset_lsb - slope * LSB_PER_RAMP_CODE * start, slope }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::CapMemCode;
    use crate::spec::{ChipSpec, Preset};

    #[test]
    fn ramps_read_the_potential_at_the_default_codes_and_less_beyond() {
        let deviations = Deviations::draw(&ChipSpec::new(Preset::Ideal, 1));
        let mut table = CodeTable::default();
        assert_eq!(ramps(&table, &deviations)[3], CadcChannel::with_offset(0.0));
        table.cadc_ramp_offset[3] = CapMemCode::saturating(430.0);
        table.cadc_ramp_slope[2] = CapMemCode::saturating(800.0);
        let ramps = ramps(&table, &deviations);
        assert!((ramps[3].read(100.0) - 89.6).abs() < 1e-12);
        assert_eq!(ramps[2].read(100.0), 50.0);
        assert_eq!(ramps[0].read(100.0), 100.0);
    }
}
