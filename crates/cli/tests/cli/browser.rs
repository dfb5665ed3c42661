//! The page of `--format html` in a real browser: headless Chromium opens it, a script behind the page's
//! own reads the totals, clicks into a frame and back, and opens the call tree.

use std::{env, fs, process::Command};

use serde_json::Value;

use crate::command::{essay, folder, tandem, text};

/// What is done to the page, as its reader would, and what is seen.
const SCRIPT: &str = r#"<script>
const seen = {};
const widths = () => [...document.querySelectorAll("#flame button")].map((box) => box.dataset.node);
const text = (id) => document.getElementById(id).textContent;
seen.used = text("gas-used");
seen.breakdown = Object.fromEntries([...document.querySelectorAll("#breakdown tbody tr")].map((row) => [row.cells[0].textContent, row.cells[2].textContent]));
seen.root = text("flame-said");
seen.before = widths().length;
const call = [...document.querySelectorAll("#flame button.call")].find((box) => box.getAttribute("aria-label").startsWith("0x02571be3"));
seen.box = call.getBoundingClientRect().width;
call.click();
seen.clicked = text("flame-said");
const focused = document.querySelector(`#flame [data-node="${call.dataset.node}"]`);
seen.zoomed = focused.getBoundingClientRect().width;
seen.whole = document.getElementById("flame").getBoundingClientRect().width;
seen.above = document.querySelectorAll("#flame button.above").length;
document.getElementById("flame-reset").click();
seen.back = text("flame-said");
seen.after = widths().length;
const rows = document.getElementById("tree").rows;
seen.rows = rows.length;
seen.calls = [...rows].filter((row) => row.querySelector("i.call")).map((row) => [...row.cells].slice(2, 4).map((cell) => cell.textContent).join(" of "));
[...document.querySelectorAll("#tree button[aria-expanded=false]")].at(-1).click();
seen.opened = rows.length;
seen.hot = document.querySelector("#hot-places tbody tr").cells[0].textContent;
seen.dark = matchMedia("(prefers-color-scheme: dark)").matches;
seen.requests = performance.getEntriesByType("resource").length;
const result = document.createElement("pre");
result.id = "seen";
result.textContent = JSON.stringify(seen);
document.body.append(result);
</script>"#;

/// A Chromium; `None`, having said so, if there is none here. CI must not pass without.
fn chromium() -> Option<String> {
    let named = env::var("CHROMIUM").ok();
    let known = ["chromium", "chromium-browser", "google-chrome"].map(str::to_owned);
    let found = named.into_iter().chain(known).find(|program| {
        Command::new(program).arg("--version").output().is_ok_and(|run| run.status.success())
    });
    if found.is_none() {
        assert!(env::var_os("CI").is_none(), "Chromium is needed in CI: install `chromium`");
        eprintln!("NOT RUN: there is no Chromium; CHROMIUM names one");
    }
    found
}

#[test]
fn the_page_shows_its_totals_and_can_be_clicked_into() {
    let Some(chromium) = chromium() else { return };
    let folder = folder("gas-browser");
    let file = folder.join("ens.html");
    let run = tandem(&["gas", text(&essay()), "--format", "html", "-o", text(&file)]);
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (Some(0), "", ""));
    let page = fs::read_to_string(&file).expect("it was written");
    for outside in ["http://", "https://", "url(", "@import", " src="] {
        assert!(!page.contains(outside), "the page asks for something outside: {outside}");
    }
    fs::write(&file, page.replace("</body>", &format!("{SCRIPT}</body>"))).expect("there is room");
    let run = Command::new(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        .args(["--window-size=1200,900", "--dump-dom"])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(format!("file://{}", file.display()))
        .output()
        .expect("Chromium starts");
    let page = String::from_utf8_lossy(&run.stdout);
    let seen = page.rsplit_once("<pre id=\"seen\">").and_then(|(_, rest)| rest.split_once("</pre>"));
    let seen = seen.unwrap_or_else(|| {
        panic!("the script did not run through: {}", String::from_utf8_lossy(&run.stderr))
    });
    let seen: Value = serde_json::from_str(&seen.0.replace("&amp;", "&").replace("&gt;", ">"))
        .expect("what was seen is JSON");
    assert_eq!(seen["used"], "46,924");
    let breakdown = &seen["breakdown"];
    let figures = [
        ("base", "21,000"),
        ("state", "19,100"),
        ("SSTORE", "10,100"),
        ("hash", "282"),
        ("glue", "2,837"),
        ("gas used", "46,924"),
    ];
    for (label, gas) in figures {
        assert_eq!(breakdown[label], gas, "{label}");
    }
    let says = |key: &str, text: &str| {
        assert!(seen[key].as_str().is_some_and(|said| said.contains(text)), "{key}: {seen}");
    };
    let number = |key: &str| seen[key].as_f64().expect("a number");
    says("root", "46,924 gas, 100.0 %");
    says("clicked", "2,951 gas, 6.3 %");
    says("back", "46,924 gas, 100.0 %");
    assert!(number("box") < 0.1 * number("whole"), "{seen}");
    assert!(number("zoomed") > 0.99 * number("whole") - 2.0, "{seen}");
    assert_eq!(number("above"), 2.0, "the caller and the root stay in sight: {seen}");
    assert_eq!(seen["before"], seen["after"]);
    assert!(number("rows") >= 5.0 && number("opened") > number("rows"), "{seen}");
    assert_eq!(seen["calls"], serde_json::json!(["21,417 of 24,368", "2,951 of 2,951"]));
    says("hot", "SSTORE");
    assert_eq!(seen["requests"], 0);
}
