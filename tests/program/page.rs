//! A notebook's page in a browser: from a file, without network, without its script, by
//! keyboard alone, in print, narrow and dark.
//!
//! It needs Chromium and ChromeDriver; without them it is skipped, and says so.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::Scratch;
use serde_json::{Value, json};

const NOTEBOOK: &str = "\
# A page

Prose, and a table of contents that is **none**.

```revacnn
train base --dataset digits --network small.toml --batch-size 64 --steps 40 --validate-every 10
fork base@20 wider --edit 'add-filter conv1' --steps 40
plot loss base wider
cursor t wider@fork
input of weights --choices weights,gradients
plot filters wider@$t --layer conv1 --of $of
plot network wider@$t
table base wider
```
";

/// A browser that is driven.
struct Browser {
    driver: Child,
    port: u16,
    session: String,
}

impl Browser {
    /// Starts one; `None` where there is none.
    fn start(arguments: &[&str]) -> Option<Self> {
        let found =
            |program: &str| Command::new(program).arg("--version").output().is_ok_and(|ran| ran.status.success());
        if !found("chromium") || !found("chromedriver") {
            let says = |name: &str, value: &str| std::env::var(name).is_ok_and(|set| set == value);
            let needed = says("CI", "true") && !says("REVACNN_BROWSER", "skip");
            assert!(!needed, "CI=true, and there is no chromium with chromedriver");
            println!("skipped: there is no chromium with chromedriver (Debian: chromium chromium-driver)");
            return None;
        }
        let mut driver =
            Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).spawn().expect("it starts");
        let mut lines = BufReader::new(driver.stdout.take().expect("its output")).lines();
        let port = lines.find_map(|line| {
            let line = line.expect("a line");
            line.split("successfully on port ").nth(1)?.trim_end_matches('.').trim().parse().ok()
        });
        std::thread::spawn(move || lines.for_each(drop));
        let mut browser = Self { driver, port: port.expect("a port"), session: String::new() };
        let plain = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1280,900",
        ];
        let arguments: Vec<&str> = plain.into_iter().chain(arguments.iter().copied()).collect();
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "performance": "ALL", "browser": "ALL" },
        }}});
        let opened = browser.ask("POST", "/session", &wanted);
        browser.session = opened["sessionId"].as_str().unwrap_or_else(|| panic!("{opened}")).to_owned();
        Some(browser)
    }

    /// What the driver answers.
    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = body.to_string();
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the driver listens");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost:{}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            self.port,
            body.len()
        );
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).expect("it is sent");
        // The driver keeps the connection open: the answer is as long as it says.
        let mut answer = BufReader::new(stream);
        let (mut length, mut line) = (0, String::new());
        while answer.read_line(&mut line).expect("a line of the answer") > 2 {
            let named = line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
            length = named.map_or(length, |(_, value)| value.trim().parse().expect("a number"));
            line.clear();
        }
        let mut body = vec![0; length];
        answer.read_exact(&mut body).expect("a body");
        let body = String::from_utf8_lossy(&body);
        let answer: Value = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"));
        answer["value"].clone()
    }

    fn post(&self, what: &str, body: &Value) -> Value {
        self.ask("POST", &format!("/session/{}/{what}", self.session), body)
    }

    /// What a script in the page returns.
    fn run(&self, script: &str) -> Value {
        self.post("execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Waits until a script says yes.
    #[track_caller]
    fn until(&self, script: &str) {
        let begun = Instant::now();
        while self.run(&format!("return {script}")) != json!(true) {
            assert!(begun.elapsed() < Duration::from_secs(20), "{script}: {}", self.logged());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What the page said to nobody.
    fn logged(&self) -> Value {
        self.post("se/log", &json!({ "type": "browser" }))
    }

    fn keys(&self, keys: &[&str]) {
        let each = keys
            .iter()
            .flat_map(|key| [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })]);
        let actions: Vec<Value> = each.collect();
        self.post("actions", &json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": actions }] }));
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            self.ask("DELETE", &format!("/session/{}", self.session), &json!({}));
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

fn page() -> (Scratch, String) {
    let scratch = Scratch::new();
    fs::write(scratch.path("n.md"), NOTEBOOK).expect("a file");
    scratch.run(0, "notebook run n.md --yes --json");
    scratch.run(0, "notebook export n.md -o n.html");
    let url = format!("file://{}", scratch.path("n.html").display());
    (scratch, url)
}

const TAB: &str = "\u{e004}";
const RIGHT: &str = "\u{e014}";
const END: &str = "\u{e010}";

#[test]
fn a_page_works_from_a_file_without_network_by_keyboard_alone_narrow_dark_and_in_print() {
    let Some(browser) = Browser::start(&[]) else { return };
    let (_scratch, url) = page();
    browser.post("url", &json!({ "url": url }));
    browser.until("document.querySelectorAll('figure .picture > svg').length === 3");
    browser.until("document.querySelector('.dials').hidden === false");
    // By Tab to the slider, and along it.
    let focused = |what: &str| format!("document.activeElement && document.activeElement.{what}");
    for _ in 0..40 {
        browser.keys(&[TAB]);
        if browser.run(&format!("return {} === 'range'", focused("type"))) == json!(true) {
            break;
        }
    }
    browser.until(&format!("{} === 'range'", focused("type")));
    let says = "document.activeElement.getAttribute('aria-valuetext')";
    assert!(browser.run(&format!("return {says}")).as_str().expect("words").contains("fork of wider"));
    let title = "document.querySelectorAll('figure')[2].querySelector('.title').textContent";
    assert_eq!(browser.run(&format!("return {title}")), "network of wider@20, image 0");
    browser.keys(&[END]);
    browser.until(&format!("{title} === 'network of wider@40, image 0'"));
    assert!(browser.run(&format!("return {says}")).as_str().expect("words").starts_with("step 40"));
    assert_eq!(browser.run("return location.hash"), "#t=40&of=weights");
    // A position is shown within a frame, with its pictures.
    let shown = browser.post("execute/async", &json!({ "script": "
        var done = arguments[0], slider = document.querySelector('input[type=range]'), times = [], from = 0;
        function step() {
            if (from >= slider.max) { done(times); return; }
            var begun = performance.now();
            slider.value = from++;
            slider.dispatchEvent(new Event('input'));
            requestAnimationFrame(function () { requestAnimationFrame(function () { times.push(performance.now() - begun); step(); }); });
        }
        step();", "args": [] }));
    let mut times: Vec<f64> = shown.as_array().expect("times").iter().filter_map(Value::as_f64).collect();
    times.sort_by(f64::total_cmp);
    println!(
        "from a moved slider to the second frame after it: median {:.0} ms of {}",
        times[times.len() / 2],
        times.len()
    );
    browser.keys(&[RIGHT]);
    // The state of the address, opened anew.
    browser.post("url", &json!({ "url": "about:blank" }));
    browser.post("url", &json!({ "url": format!("{url}#t=0&of=gradients") }));
    browser.until("document.querySelector('select').selectedIndex === 1");
    browser.until(&format!("{title} === 'network of wider@0, image 0'"));
    // As narrow as a phone.
    browser.post("goog/cdp/execute", &json!({ "cmd": "Emulation.setDeviceMetricsOverride", "params": { "width": 390, "height": 800, "deviceScaleFactor": 2, "mobile": true } }));
    browser.until("window.innerWidth <= 400");
    assert!(
        browser.run("return document.documentElement.scrollWidth").as_u64().expect("a width") <= 390,
        "it scrolls sideways"
    );
    // Dark.
    let dark = json!({ "cmd": "Emulation.setEmulatedMedia", "params": { "features": [{ "name": "prefers-color-scheme", "value": "dark" }] } });
    browser.post("goog/cdp/execute", &dark);
    browser.until("getComputedStyle(document.body).backgroundColor === 'rgb(20, 23, 26)'");
    let still = json!({ "cmd": "Emulation.setEmulatedMedia", "params": { "features": [{ "name": "prefers-reduced-motion", "value": "reduce" }] } });
    browser.post("goog/cdp/execute", &still);
    browser.until("getComputedStyle(document.querySelector('button.play')).display === 'none'");
    // In print.
    let print = browser.post("print", &json!({}));
    assert!(print.as_str().expect("a document").len() > 20_000, "an empty print");
    // Nothing was asked of anybody, and nothing went wrong.
    let log = browser.post("se/log", &json!({ "type": "performance" }));
    for entry in log.as_array().expect("entries") {
        let message: Value = serde_json::from_str(entry["message"].as_str().expect("a message")).expect("JSON");
        if message["message"]["method"] == "Network.requestWillBeSent" {
            let asked = message["message"]["params"]["request"]["url"].as_str().expect("an address").to_owned();
            assert!(["file:///", "data:", "blob:", "about:"].iter().any(|own| asked.starts_with(own)), "{asked:.200}");
        }
    }
    let errors = browser.logged();
    assert_eq!(errors.as_array().map(Vec::len), Some(0), "{errors}");
}

#[test]
fn a_page_is_read_without_its_script() {
    let Some(browser) = Browser::start(&["--blink-settings=scriptEnabled=false"]) else { return };
    let (_scratch, url) = page();
    browser.post("url", &json!({ "url": url }));
    let source = browser.ask("GET", &format!("/session/{}/source", browser.session), &json!({}));
    let source = source.as_str().expect("a page");
    assert_eq!(source.matches("<svg viewBox").count(), 3, "the figures");
    assert!(source.contains("class=\"dials\" hidden"), "controls that do nothing are hidden");
    assert!(source.contains("How this was made") && source.contains("<strong>none</strong>"));
}
