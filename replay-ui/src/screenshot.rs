//! The interface as a picture, without a display.

use std::path::Path;
use std::sync::Arc;

use iced::Size;
use iced::advanced::renderer::Headless;
use revacnn_notebook::kinds::Start;
use revacnn_notebook::{PictureFormat, Sources, Unwatched};
use revacnn_store::{cores, write_output};
use revacnn_trainer::data::OwnPicture;

use crate::cells::Pace;
use crate::headless::Interface;
use crate::options::Coefficients;
use crate::requests::{Effect, NotebookRequest, Request};
use crate::state::State;
use crate::store_events::{Listed, NotebookEvent, Notice, StoreEvent};
use crate::update::Message;
use crate::worker::notebook::Desk;
use crate::worker::reader::{Board, is_free, row};
use crate::{ViewError, ViewOptions};

/// Draws the window into a PNG file, as it looks once every figure is there.
///
/// # Errors
/// Those of [`ViewOptions::check`]; another ending than `.png`; and where the
/// store cannot be read or the file not written.
pub fn screenshot(options: &ViewOptions, path: &Path) -> Result<(), ViewError> {
    if PictureFormat::of(path) != Some(PictureFormat::Png) {
        let reason = "expected a file that ends in .png: the window is drawn in pixels".to_owned();
        return Err(ViewError::Picture { path: path.to_owned(), reason });
    }
    options.check()?;
    write(path, options.size(), &pixels(&settled(options)?, options.size())?)
}

/// The window's state once every figure is there.
pub(crate) fn settled(options: &ViewOptions) -> Result<State, ViewError> {
    let mut state = State::new(options);
    state.context.reduced_motion = true;
    if is_free(&options.store) && options.address.is_none() && options.beside.is_none() && options.filter.is_none() {
        // Where a run may begin, as the window says.
        state.update(Message::Store(StoreEvent::Listed(Listed::default())));
        return Ok(state);
    }
    let mut still = SyncReader::open(options)?;
    let mut effects = state.update(still.list()?);
    effects.extend(state.read_notebook());
    still.settle(&mut state, effects)?;
    match &state.status.notice {
        Some(Notice::Refused(reason)) => Err(ViewError::NotThere(reason.clone())),
        _ => Ok(state),
    }
}

/// What the reading threads do, done in this one.
pub(crate) struct SyncReader {
    sources: Sources,
    /// Those of a notebook, which has names of its own.
    notebook_sources: Option<Sources>,
    coefficients: Coefficients,
    boards: [Board; 3],
}

impl SyncReader {
    /// Opens the store.
    pub(crate) fn open(options: &ViewOptions) -> Result<Self, ViewError> {
        let open = || Sources::open(&options.store, options.data.clone(), cores());
        let sources = open()?.leaving_out();
        let notebook_sources = options.notebook.as_ref().map(|_| open()).transpose()?;
        let coefficients = options.coefficients;
        Ok(Self {
            sources,
            notebook_sources,
            coefficients,
            boards: [Pace::Quick, Pace::Curves, Pace::Slow].map(Board::new),
        })
    }

    /// Tells what there is.
    pub(crate) fn list(&mut self) -> Result<Message, ViewError> {
        let branches = self.sources.refresh()?;
        let problems = self.sources.problems().to_vec();
        Ok(Message::Store(StoreEvent::Listed(Listed { branches, problems, ..Listed::default() })))
    }

    /// Plans a notebook and makes the figures of its views, where it is shown.
    fn notebook(&mut self, state: &mut State, wanted: NotebookRequest) {
        if !wanted.is_shown {
            return;
        }
        let mut desk = Desk::of(wanted, &state.context.place, self.coefficients);
        let mut sources = self.notebook_sources.take();
        let mut events = vec![NotebookEvent::Planned(Arc::new(desk.plan(sources.as_mut())))];
        if let Some(sources) = &mut sources {
            desk.draw(true, sources, &mut Unwatched, &mut |event| events.push(event));
        } else {
            desk.nothing(&mut |event| events.push(event));
        }
        self.notebook_sources = sources;
        for event in events {
            state.update(Message::Store(StoreEvent::Notebook(event)));
        }
    }

    /// Makes every figure that is wanted, and what is wanted because of it;
    /// what is not for readers is returned.
    pub(crate) fn settle(&mut self, state: &mut State, mut effects: Vec<Effect>) -> Result<Vec<Effect>, ViewError> {
        let mut others = Vec::new();
        while !effects.is_empty() {
            // Only the newest of what is wanted is made.
            let mut newest = None;
            for effect in std::mem::take(&mut effects) {
                match &effect {
                    Effect::Request(Request::Figures(wanted)) => newest = Some(wanted.clone()),
                    Effect::Request(Request::Resolve(address)) => {
                        let step = self.sources.resolve(address)?;
                        let found = StoreEvent::Resolved { branch: address.branch.clone(), step };
                        effects.extend(state.update(Message::Store(found)));
                    }
                    Effect::Request(Request::Picture(path)) => {
                        let read = OwnPicture::read(path).map_err(|error| error.to_string());
                        effects.extend(state.update(Message::Store(StoreEvent::Pictured(read))));
                    }
                    Effect::Request(Request::Notebook(wanted)) => self.notebook(state, wanted.clone()),
                    Effect::Request(Request::Epoch { .. } | Request::Change(_))
                    | Effect::Focus(_)
                    | Effect::Copy(_)
                    | Effect::ScrollToEnd(_) => {
                        others.push(effect);
                    }
                }
            }
            let Some(wanted) = newest else { continue };
            for board in &mut self.boards {
                board.want(&wanted, Start::Fresh);
                let figures = board.all(&mut self.sources);
                let (generation, step) = (wanted.generation, wanted.step);
                let row = row(&mut self.sources, wanted.at.as_ref());
                effects.extend(state.update(Message::Store(StoreEvent::Figures { generation, step, figures, row })));
            }
        }
        Ok(others)
    }
}

fn pixels(state: &State, size: [u32; 2]) -> Result<Vec<u8>, ViewError> {
    let mut pixels = Vec::new();
    Interface::new(size)?.draw(state, |renderer, ground| {
        pixels = renderer.screenshot(Size::new(size[0], size[1]), 1.0, ground);
    });
    Ok(pixels)
}

fn write(path: &Path, size: [u32; 2], rgba: &[u8]) -> Result<(), ViewError> {
    let failed = |error: png::EncodingError| ViewError::Picture { path: path.to_owned(), reason: error.to_string() };
    write_output(path, |output| {
        let mut encoder = png::Encoder::new(output, size[0], size[1]);
        encoder.set_color(png::ColorType::Rgba);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().map_err(failed)?;
        writer.write_image_data(rgba).map_err(failed)?;
        writer.finish().map_err(failed)
    })
}
