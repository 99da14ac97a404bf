//! Pages of HTML that need no other file.

use crate::figures::Figure;

const STYLE: &str = "body{font:15px/1.5 'DejaVu Sans',Verdana,sans-serif;color:#222;max-width:60em;margin:2em auto;padding:0 1em}\
table{border-collapse:collapse;margin:1em 0;font-size:13px}th,td{padding:.2em .7em;text-align:right;border-bottom:1px solid #d9d9d9}\
th{border-bottom:1px solid #222}td:first-child,th:first-child,.t{text-align:left}pre{background:#f6f6f6;padding:1em;overflow:auto;font-size:12px}\
svg{max-width:100%;height:auto}dt{font-family:monospace}dd{margin:0 0 .5em 2em}figure{margin:1.5em 0}";

/// The beginning of a page, up to its heading.
pub fn begin(title: &str) -> String {
    let title = escaped(title);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title><style>{STYLE}</style></head><body>\n<h1>{title}</h1>\n"
    )
}

/// A figure within the page.
pub fn embedded(figure: &Figure) -> String {
    let svg = figure.svg();
    let svg = svg.find("<svg").map_or(svg, |begin| &svg[begin..]);
    format!("<figure>{svg}</figure>\n")
}

/// Text that is no markup.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
