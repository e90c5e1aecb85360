//! The interface as a picture, without a display.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use iced::advanced::graphics::text::font_system;
use iced::advanced::renderer::{Headless, Style};
use iced::theme::Base;
use iced::{Event, Pixels, Size, mouse, window};
use iced_runtime::user_interface::{Cache, UserInterface};
use revacnn_notebook::{Cell, Evaluator, Method};
use revacnn_schemas::{Figure, Position};

use crate::app::{Action, Message, State};
use crate::diagram::Pictures;
use crate::look::{FONT, FONT_BYTES, NORMAL};
use crate::worker::{Ask, Embed, Told, loss, network};
use crate::{ViewError, ViewOptions, look, view};

/// Draws the window into a PNG file, as it looks once every figure is there.
///
/// # Errors
/// Where the store cannot be read or the file not written.
pub fn screenshot(options: &ViewOptions, path: &Path) -> Result<(), ViewError> {
    let mut state = State::new(options.store.display().to_string(), options.address.clone(), options.dark);
    state.still = true;
    let mut evaluator = Evaluator::open(&options.store, options.data.clone(), crate::threads())?;
    let branches = evaluator.refresh()?;
    let problems = evaluator.problems().to_vec();
    let mut action = state.update(Message::Told(Told::Branches { branches, problems }));
    while let Action::Ask(asks) = std::mem::replace(&mut action, Action::None) {
        for ask in asks {
            for told in answer(&mut evaluator, ask)? {
                let next = state.update(Message::Told(told));
                if next != Action::None {
                    action = next;
                }
            }
        }
    }
    let pictures = match &state.network {
        Some((_, Ok(diagram))) => Pictures::of(diagram),
        _ => Pictures::default(),
    };
    write(path, options.size, &pixels(&state, &pictures, options.size)?)
}

/// What the workers would tell.
fn answer(evaluator: &mut Evaluator, ask: Ask) -> Result<Vec<Told>, ViewError> {
    Ok(match ask {
        Ask::View(view) => {
            let figure = network(evaluator.evaluate(&Cell::Network { at: None, show: view.show }, &view.inputs));
            let chart = loss(evaluator, &view.inputs.branches, view.scale);
            vec![Told::Loss(chart), Told::Network { generation: view.generation, step: view.inputs.cursor, figure }]
        }
        Ask::Embed(Embed { inputs, layer, of }) => {
            let method = Method::Tsne;
            let cell = Cell::Embedding { at: Vec::new(), layer, of, method, perplexity: None, seed: 0 };
            let figure = match evaluator.evaluate(&cell, &inputs) {
                Ok(Figure::Scatter(scatter)) => Ok(scatter),
                Ok(other) => Err(format!("expected a scatter, found `{}`", other.title())),
                Err(error) => Err(error.to_string()),
            };
            vec![Told::Embedding { step: inputs.cursor, figure }]
        }
        Ask::Resolve(address) => {
            let step = match address.position {
                Position::Step(step) => step,
                _ => evaluator.resolve(&address)?,
            };
            vec![Told::Resolved { branch: address.branch, step }]
        }
        // A picture changes nothing.
        Ask::Intent(_) => Vec::new(),
    })
}

fn pixels(state: &State, pictures: &Pictures, size: [u32; 2]) -> Result<Vec<u8>, ViewError> {
    let theme = look::theme(state.dark);
    font_system().write().unwrap_or_else(std::sync::PoisonError::into_inner).load_font(FONT_BYTES.into());
    let renderer = <iced::Renderer as Headless>::new(FONT, Pixels(NORMAL), Some("tiny-skia"));
    let renderer = iced::futures::executor::block_on(renderer);
    let Some(mut renderer) = renderer else {
        return Err(ViewError::Window("the software renderer cannot be made".to_owned()));
    };
    let bounds = Size::new(size[0] as f32, size[1] as f32);
    let mut interface = UserInterface::build(view::view(state, pictures), bounds, Cache::new(), &mut renderer);
    let mut messages = Vec::new();
    let redraw = Event::Window(window::Event::RedrawRequested(std::time::Instant::now()));
    let nowhere = mouse::Cursor::Unavailable;
    let _ = interface.update(&[redraw], nowhere, &mut renderer, &mut iced::advanced::clipboard::Null, &mut messages);
    let base = theme.base();
    interface.draw(&mut renderer, &theme, &Style { text_color: base.text_color }, nowhere);
    Ok(renderer.screenshot(Size::new(size[0], size[1]), 1.0, base.background_color))
}

fn write(path: &Path, size: [u32; 2], rgba: &[u8]) -> Result<(), ViewError> {
    let failed =
        |error: &dyn std::fmt::Display| ViewError::Picture { path: path.to_owned(), reason: error.to_string() };
    let file = File::create(path).map_err(|error| failed(&error))?;
    let mut encoder = png::Encoder::new(BufWriter::new(file), size[0], size[1]);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(|error| failed(&error))?;
    writer.write_image_data(rgba).map_err(|error| failed(&error))?;
    writer.finish().map_err(|error| failed(&error))
}
