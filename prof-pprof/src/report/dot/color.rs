//! Shares → colours, as pprof draws them: red for more, green for less, grey for next to nothing.

/// Where a colour stands.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Ground {
    /// Lines and borders.
    Fore,
    /// Behind text.
    Back,
}

/// The colour of a share between -1 and 1, as `#rrggbb`.
pub(super) fn of(share: f64, ground: Ground) -> String {
    let (saturation, value) = match ground {
        Ground::Fore => (1.0, 0.7),
        Ground::Back => (0.1, 0.93),
    };
    // Without a total there is no share. Then nothing below compares, and the channels are nothing.
    let share = if share.is_nan() { share } else { share.clamp(-1.0, 1.0) };
    // Small shares are grey rather than yellow.
    let saturation = if share.abs() < 0.2 { saturation * (share.abs() / 0.2) } else { saturation };
    // Differences between small shares are to be seen.
    let strength = saturation * share.abs().powf(0.3);
    let faded = value * (1.0 - strength);
    let (red, green) = if share < 0.0 { (faded, value) } else { (value, faded) };
    let channel = |part: f64| (part * 255.0) as u8;
    format!("#{:02x}{:02x}{:02x}", channel(red), channel(green), channel(value * (1.0 - saturation)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_is_red_and_less_is_green() {
        assert_eq!(of(1.0, Ground::Fore), "#b20000");
        assert_eq!(of(-1.0, Ground::Fore), "#00b200");
        assert_eq!(of(0.0, Ground::Back), "#ededed");
        assert_eq!(of(2.0, Ground::Back), "#edd5d5");
    }
}
