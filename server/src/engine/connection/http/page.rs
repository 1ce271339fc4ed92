//! The files of the status page, which are part of the program.

/// A file of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PageFile {
    /// The path under which it is served.
    path: &'static str,
    /// The media type.
    pub(super) media_type: &'static str,
    /// The text.
    pub(super) text: &'static str,
}

const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Makes a file of each row.
macro_rules! files {
    ($($path:literal $media_type:ident $file:literal;)*) => {
        &[$(
            PageFile {
                path: $path,
                media_type: $media_type,
                text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/page/", $file)),
            }
        ),*]
    };
}

/// All files.
const FILES: &[PageFile] = files! {
    "/" HTML "index.html";
    "/page/page.css" STYLE "page.css";
    "/page/uplot.css" STYLE "uplot/uPlot.min.css";
    "/page/uplot.js" SCRIPT "uplot/uPlot.iife.min.js";
    "/page/words.js" SCRIPT "words.js";
    "/page/history.js" SCRIPT "history.js";
    "/page/plots.js" SCRIPT "plots.js";
    "/page/tables.js" SCRIPT "tables.js";
    "/page/page.js" SCRIPT "page.js";
};

/// The file of a path.
pub(super) fn at(path: &str) -> Option<PageFile> {
    FILES.iter().find(|file| file.path == path).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_files_together_are_small_and_name_no_other_server() {
        let bytes: usize = FILES.iter().map(|file| file.text.len()).sum();
        assert!(bytes < 93_000, "OPERATING.md says 92 KB: {bytes}");
        for file in FILES {
            let own = !file.path.starts_with("/page/uplot");
            assert!(!own || !file.text.contains("://"), "{}", file.path);
        }
    }

    #[test]
    fn the_page_asks_for_no_file_that_is_not_served() {
        let asked = |text: &'static str| {
            let quoted = text.split('"').skip(1).step_by(2);
            quoted.filter(|word| word.starts_with("/page/") || word.starts_with("./"))
        };
        let mut found = 0;
        for path in FILES.iter().flat_map(|file| asked(file.text)) {
            let path = path.replacen("./", "/page/", 1);
            assert!(at(&path).is_some(), "{path}");
            found += 1;
        }
        assert!(found >= FILES.len() - 1, "{found}");
    }
}
