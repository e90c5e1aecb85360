//! A display without a screen, and a hand that moves its mouse and presses
//! its keys.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use x11rb::protocol::xproto::{ClientMessageEvent, ConnectionExt, EventMask};

/// What the test needs besides the program.
const TOOLS: [(&str, &str); 3] = [("Xvfb", "-help"), ("xdotool", "version"), ("import", "-version")];

/// How long the window may take to do what it is told.
const PATIENCE: Duration = Duration::from_secs(60);

/// A display; it ends with this value.
pub(crate) struct Display {
    server: Child,
    pub(crate) name: String,
}

impl Display {
    /// A display of this size; `None` where the tools are lacking, which CI
    /// does not take for an answer.
    pub(crate) fn open(width: u32, height: u32) -> Option<Self> {
        for (tool, argument) in TOOLS {
            let mut command = Command::new(tool);
            let ran = command.arg(argument).stdout(Stdio::null()).stderr(Stdio::null()).status();
            if let Err(error) = ran {
                let is = |name, value| std::env::var(name).as_deref() == Ok(value);
                let needed = is("CI", "true") && !is("REVACNN_WINDOW", "skip");
                assert!(!needed, "{tool} does not run: {error}; CI needs it, or REVACNN_WINDOW=skip");
                println!("skipped: {tool} does not run: {error} (Debian: xvfb, xdotool, imagemagick)");
                return None;
            }
        }
        let mut command = Command::new("Xvfb");
        let screen = format!("{width}x{height}x24");
        // It would begin anew whenever its last client leaves, and refuse others meanwhile.
        command.args(["-displayfd", "1", "-screen", "0", &screen, "-nolisten", "tcp", "-noreset"]);
        let mut server = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("Xvfb starts");
        let mut number = String::new();
        let output = server.stdout.take().expect("a pipe");
        BufReader::new(output).read_line(&mut number).expect("the number of the display");
        let name = format!(":{}", number.trim());
        Some(Self { server, name })
    }

    fn xdotool(&self, arguments: &[&str]) -> Option<String> {
        let output = Command::new("xdotool").args(arguments).env("DISPLAY", &self.name).output();
        let output = output.expect("xdotool starts");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// The pixels of the uppermost rows, as red, green and blue.
    pub(crate) fn rows(&self, width: u32, height: u32) -> Vec<[u8; 3]> {
        let area = format!("{width}x{height}+0+0");
        let mut command = Command::new("import");
        command.args(["-display", &self.name, "-window", "root", "-crop", &area, "-depth", "8", "rgb:-"]);
        let output = command.output().expect("import starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout.chunks_exact(3).map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect()
    }

    /// Saves a picture of the whole display.
    pub(crate) fn picture(&self, path: &Path) {
        let mut command = Command::new("import");
        let ran = command.args(["-display", &self.name, "-window", "root"]).arg(path).status().expect("import starts");
        assert!(ran.success());
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// The window of the program.
pub(crate) struct Window<'a> {
    display: &'a Display,
    pub(crate) program: Child,
    id: String,
}

impl<'a> Window<'a> {
    /// Starts the program and waits for its window.
    pub(crate) fn open(display: &'a Display, mut command: Command) -> Self {
        command.env("DISPLAY", &display.name).env("ICED_BACKEND", "tiny-skia").env("WINIT_X11_SCALE_FACTOR", "1");
        command.env_remove("WAYLAND_DISPLAY").env_remove("WAYLAND_SOCKET");
        let program = command.spawn().expect("the program starts");
        let mut window = Self { display, program, id: String::new() };
        let id = window.wait("no window opened", |window| {
            let found = window.display.xdotool(&["search", "--onlyvisible", "--name", "ReVACNN"])?;
            found.lines().next().map(str::to_owned)
        });
        window.id = id;
        // There is no window manager that gives it the keyboard.
        display.xdotool(&["windowfocus", "--sync", &window.id]);
        window
    }

    /// Waits until something is so, while the window is open.
    #[track_caller]
    pub(crate) fn wait<T>(&mut self, or: &str, mut happened: impl FnMut(&Self) -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            if let Some(found) = happened(self) {
                return found;
            }
            let ended = self.program.try_wait().expect("the state of the program");
            assert!(ended.is_none(), "{or}: the window has closed: {ended:?}");
            assert!(started.elapsed() < PATIENCE, "{or}: the title is {}", self.title());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What it is called now.
    pub(crate) fn title(&self) -> String {
        self.display.xdotool(&["getwindowname", &self.id]).unwrap_or_default()
    }

    /// Waits until the title is such, and returns it.
    #[track_caller]
    pub(crate) fn titled(&mut self, such: &str, is: impl Fn(&str) -> bool) -> String {
        self.wait(&format!("expected a title of {such}"), |window| Some(window.title()).filter(|title| is(title)))
    }

    /// Moves the mouse to a point.
    pub(crate) fn point(&self, [x, y]: [f32; 2]) {
        let [x, y] = [x, y].map(|place| place.round().to_string());
        self.display.xdotool(&["mousemove", "--window", &self.id, &x, &y]).expect("the mouse moves");
        std::thread::sleep(Duration::from_millis(300));
    }

    /// Moves the mouse to a point and presses its button there.
    pub(crate) fn click(&self, at: [f32; 2]) {
        self.point(at);
        self.display.xdotool(&["click", "1"]).expect("its button is pressed");
    }

    /// Presses the mouse's button at the first of some points, moves along the
    /// others, and lets it go at the last.
    pub(crate) fn drag(&self, along: &[[f32; 2]]) {
        let mut along = along.iter();
        self.point(*along.next().expect("a point to begin at"));
        self.display.xdotool(&["mousedown", "1"]).expect("its button is pressed");
        along.for_each(|at| self.point(*at));
        self.display.xdotool(&["mouseup", "1"]).expect("its button is let go");
    }

    /// Has all of the window painted anew, by giving it another size for a moment.
    pub(crate) fn repaint(&self) {
        for size in [["1400", "880"], ["1440", "900"]] {
            self.display.xdotool(&["windowsize", &self.id, size[0], size[1]]).expect("the window has a size");
            std::thread::sleep(Duration::from_secs(1));
        }
    }

    /// Presses keys, one after the other.
    pub(crate) fn keys(&self, keys: &[&str]) {
        for key in keys {
            self.display.xdotool(&["key", key]).expect("a key is pressed");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Opens a question with a key, types its answer, and gives it.
    pub(crate) fn answer(&self, key: &str, text: &str) {
        self.keys(&[key]);
        // The field is there with the next frame.
        std::thread::sleep(Duration::from_millis(500));
        self.display.xdotool(&["type", "--delay", "40", text]).expect("a text is typed");
        self.keys(&["Return"]);
    }

    /// Asks the window to close as a window manager would, when its cross is
    /// pressed. The xdotool of Debian 12 can only tear windows down.
    fn ask_to_close(&self) -> Result<(), Box<dyn std::error::Error>> {
        let (connection, _) = x11rb::connect(Some(&self.display.name))?;
        let atom = |name: &str| {
            Ok::<_, x11rb::errors::ReplyError>(connection.intern_atom(false, name.as_bytes())?.reply()?.atom)
        };
        let window = self.id.parse()?;
        let request = [atom("WM_DELETE_WINDOW")?, x11rb::CURRENT_TIME, 0, 0, 0];
        let message = ClientMessageEvent::new(32, window, atom("WM_PROTOCOLS")?, request);
        connection.send_event(false, window, EventMask::NO_EVENT, message)?.check()?;
        Ok(())
    }

    /// Closes the window; the program's exit code.
    #[track_caller]
    pub(crate) fn close(mut self) -> Option<i32> {
        self.ask_to_close().expect("the window is asked to close");
        let started = Instant::now();
        loop {
            if let Some(status) = self.program.try_wait().expect("the state of the program") {
                return status.code();
            }
            assert!(started.elapsed() < PATIENCE, "the window does not close");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Window<'_> {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}
