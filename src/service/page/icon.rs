//! The few icons, drawn in the page. Each has a shape of its own: colour alone tells nothing to many people, nor on paper.

use maud::{Markup, PreEscaped, html};

/// An icon by its shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Icon {
    Cross,
    Triangle,
    Arrow,
    Ring,
    Check,
}

/// Drawn once in each page, used by `#i-…`.
const SHEET: &str = concat!(
    r#"<svg width="0" height="0" aria-hidden="true" focusable="false" class="sheet">"#,
    r#"<symbol id="i-cross" viewBox="0 0 16 16"><path fill="currentColor" d="M5 1h6l4 4v6l-4 4H5l-4-4V5z"/><path stroke="var(--paper)" stroke-width="2" stroke-linecap="round" d="m5.6 5.6 4.8 4.8m0-4.8-4.8 4.8"/></symbol>"#,
    r#"<symbol id="i-triangle" viewBox="0 0 16 16"><path fill="currentColor" stroke="currentColor" stroke-width="1.6" stroke-linejoin="round" d="M8 2 1.6 13.6h12.8z"/><path stroke="var(--paper)" stroke-width="1.8" stroke-linecap="round" d="M8 6.2v3.4m0 2.3v.1"/></symbol>"#,
    r#"<symbol id="i-arrow" viewBox="0 0 16 16"><path fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" d="M2.5 8h10M8.5 3.5 13 8l-4.5 4.5"/></symbol>"#,
    r#"<symbol id="i-ring" viewBox="0 0 16 16"><circle cx="8" cy="8" r="5.5" fill="none" stroke="currentColor" stroke-width="1.8" stroke-dasharray="2.6 2.1"/></symbol>"#,
    r#"<symbol id="i-check" viewBox="0 0 16 16"><path fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" d="m3 8.5 3.4 3.500L13 4.5"/></symbol>"#,
    "</svg>"
);

impl Icon {
    /// The drawing; words beside it say the same, so it is hidden from readers.
    pub(super) fn draw(self) -> Markup {
        let link = match self {
            Self::Cross => "#i-cross",
            Self::Triangle => "#i-triangle",
            Self::Arrow => "#i-arrow",
            Self::Ring => "#i-ring",
            Self::Check => "#i-check",
        };
        html! { svg.icon aria-hidden="true" focusable="false" { use href=(link) {} } }
    }

    /// For the tab of the browser, which has one colour for light and dark.
    pub(super) fn of_tab(self) -> &'static str {
        match self {
            Self::Cross => {
                "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath fill='%23d33a2c' d='M5 0h6l5 5v6l-5 5H5l-5-5V5z'/%3E%3Cpath stroke='%23fff' stroke-width='2.4' stroke-linecap='round' d='m5 5 6 6m0-6-6 6'/%3E%3C/svg%3E"
            }
            Self::Triangle => {
                "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath fill='%23d99100' d='M8 0 0 15h16z'/%3E%3Cpath stroke='%23fff' stroke-width='2' stroke-linecap='round' d='M8 6v4m0 2.500v.1'/%3E%3C/svg%3E"
            }
            Self::Arrow | Self::Ring | Self::Check => {
                "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='8' fill='%232e8b57'/%3E%3Cpath fill='none' stroke='%23fff' stroke-width='2.2' stroke-linecap='round' stroke-linejoin='round' d='m4.5 8.5 2.5 2.5 4.5-5'/%3E%3C/svg%3E"
            }
        }
    }
}

/// The sheet that [`Icon::draw`] refers to.
pub(super) fn sheet() -> Markup {
    PreEscaped(SHEET.into())
}
