//! What may be written. The windows show these reasons as they are, at the field that was changed.

use crate::topics::{Ambience, Settings, SettingsAction, Shortcuts};
use std::ops::RangeInclusive;
use tauri_plugin_lockstep::{Reject, WriteContext};

const TEXT_SIZES: RangeInclusive<f64> = 8.0..=32.0;
const PAGE_WIDTHS: RangeInclusive<u32> = 40..=80;
const LOUDEST: u32 = 100;

/// Carries out an action.
///
/// # Errors
/// None.
pub fn reduce(settings: &mut Settings, action: SettingsAction, _: &WriteContext<'_>) -> Result<(), Reject> {
    match action {
        SettingsAction::Reset => *settings = Settings::default(),
    }
    Ok(())
}

/// Whether the settings may be so, whoever writes them, and by whatever kind of write.
///
/// # Errors
/// What is wrong with them, for people.
pub fn check_settings(settings: &Settings) -> Result<(), Reject> {
    if !TEXT_SIZES.contains(&settings.text_size) {
        let (least, most) = (TEXT_SIZES.start(), TEXT_SIZES.end());
        return Err(Reject::new("textSize", format!("Text can be {least} to {most} pixels tall.")));
    }
    if !PAGE_WIDTHS.contains(&settings.page_width) {
        let (least, most) = (PAGE_WIDTHS.start(), PAGE_WIDTHS.end());
        return Err(Reject::new("pageWidth", format!("A page can be {least} to {most} characters wide.")));
    }
    check_shortcuts(&settings.shortcuts)
}

fn check_shortcuts(shortcuts: &Shortcuts) -> Result<(), Reject> {
    let Shortcuts { larger_text, smaller_text, focus_mode, preferences, panel } = shortcuts;
    let mut keys = [larger_text, smaller_text, focus_mode, preferences, panel];
    keys.sort();
    if keys.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(Reject::new("shortcuts", "Another command has these keys already."));
    }
    Ok(())
}

/// Whether it may sound so.
///
/// # Errors
/// What is wrong with it, for people.
pub fn check_ambience(ambience: &Ambience) -> Result<(), Reject> {
    if ambience.volume > LOUDEST {
        return Err(Reject::new("volume", format!("{LOUDEST} is as loud as it gets.")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code_of(change: impl FnOnce(&mut Settings)) -> Option<String> {
        let mut settings = Settings::default();
        change(&mut settings);
        check_settings(&settings).err().map(|reject| reject.code().to_owned())
    }

    #[test]
    fn the_defaults_are_allowed() {
        assert!(check_settings(&Settings::default()).is_ok());
        assert!(check_ambience(&Ambience::default()).is_ok());
    }

    #[test]
    fn text_and_pages_stay_readable() {
        for size in [8.0, 14.5, 32.0] {
            assert_eq!(code_of(|settings| settings.text_size = size), None);
        }
        for size in [-1.0, 7.9, 32.1, f64::NAN] {
            assert_eq!(code_of(|settings| settings.text_size = size).as_deref(), Some("textSize"));
        }
        assert_eq!(code_of(|settings| settings.page_width = 81).as_deref(), Some("pageWidth"));
    }

    #[test]
    fn two_commands_cannot_have_the_same_keys() {
        let code = code_of(|settings| settings.shortcuts.panel = settings.shortcuts.preferences.clone());
        assert_eq!(code.as_deref(), Some("shortcuts"));
    }
}
