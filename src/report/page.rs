//! The frame of a page: its head, its style, its foot.

use std::path::Path;

const STYLE: &str = include_str!("page.css");

/// Returns a whole page of a body; the title is safe as it is.
pub(super) fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=en><head><meta charset=utf-8><meta name=viewport content='width=device-width, initial-scale=1'>\
         <meta name=color-scheme content='light dark'><title>{title}</title><style>{STYLE}</style></head>\
         <body><main>{body}</main><footer>tensor-quant {}</footer></body></html>\n",
        env!("CARGO_PKG_VERSION")
    )
}

/// Returns whether a file of that name is a page.
pub(super) fn is_page(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("html") || e.eq_ignore_ascii_case("htm"))
}
