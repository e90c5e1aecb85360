//! The scalars of a step: one row of the table `steps`.
//!
//! [`SCALARS`] is the one list of them. The table's schema, what is written and
//! read, what `revacnn show --json` prints, what a chart can draw and what the
//! window's inspector lists follow from it.

use arrow_schema::{DataType, Field, TimeUnit};

use crate::{DataCursor, Digest, Epoch, HyperParameters, SchemaError, Step};

/// The scalars of one step.
#[derive(Debug, Clone, PartialEq)]
pub struct StepScalars {
    /// The step.
    pub step: Step,
    /// Where training stands in the data after it.
    pub cursor: DataCursor,
    /// Images in its batch; 0 where no update was made.
    pub batch_images: u32,
    /// Mean data loss over the batch, at the weights of the step before.
    pub loss: Option<f32>,
    /// The penalty that weight and L1 decay stand for, ½·decay·Σw² + l1·Σ|w|, each
    /// layer's part times its factors (no weight decay of AdamW), over the
    /// coefficients that decay, at the weights of the step before: not those
    /// of frozen filters, normalisation scales or biases.
    pub decay_loss: Option<f32>,
    /// Share of the batch predicted right before the update.
    pub batch_accuracy: Option<f32>,
    /// Share of the last 200 training images predicted right, each before its
    /// update.
    pub live_accuracy: Option<f32>,
    /// Hyper-parameters in force.
    pub hyper_parameters: HyperParameters,
    /// Digest of all parameters at this step.
    pub digest: Digest,
    /// Digest of the whole state, where there is one.
    pub state_digest: Option<Digest>,
    /// Wall time of the step, in nanoseconds.
    pub elapsed_nanos: u64,
    /// When it was recorded, in microseconds since 1970 (UTC); the store fills
    /// it in.
    pub wall_time_micros: i64,
}

impl Default for StepScalars {
    /// Step 0 of nothing.
    fn default() -> Self {
        Self {
            step: Step(0),
            cursor: DataCursor::default(),
            batch_images: 0,
            loss: None,
            decay_loss: None,
            batch_accuracy: None,
            live_accuracy: None,
            hyper_parameters: HyperParameters::default(),
            digest: Digest([0; 32]),
            state_digest: None,
            elapsed_nanos: 0,
            wall_time_micros: 0,
        }
    }
}

/// A scalar's column in the table `steps`.
#[derive(Debug, Clone, Copy)]
pub struct ScalarColumn {
    /// Its name.
    pub name: &'static str,
    /// What it is, as people read it, with a unit that it has.
    pub label: &'static str,
    /// Its unit, if it has one.
    pub unit: Option<&'static str>,
    /// Whether it is a share, from 0 to 1, which people read in per cent.
    pub share: bool,
    /// Whether a chart can draw it.
    pub quantity: bool,
    /// Whether the window's inspector lists it.
    pub inspected: bool,
    /// The first format version that has it.
    pub since: u32,
    /// Its type, and how it is read from a row and put into one.
    pub kind: ScalarKind,
}

/// A scalar's type, with how it is read from a row and put into one.
#[derive(Debug, Clone, Copy)]
pub enum ScalarKind {
    /// A whole number of 64 bits.
    Long(fn(&StepScalars) -> u64, fn(&mut StepScalars, u64)),
    /// A whole number of 32 bits.
    Int(fn(&StepScalars) -> u32, fn(&mut StepScalars, u32)),
    /// A number; `None` where a step has none.
    Float(fn(&StepScalars) -> Option<f32>, fn(&mut StepScalars, Option<f32>)),
    /// A number that every step has.
    RequiredFloat(fn(&StepScalars) -> f32, fn(&mut StepScalars, f32)),
    /// A text; `None` where a step has none.
    Text(fn(&StepScalars) -> Option<String>, SetText),
    /// A text that every step has.
    RequiredText(fn(&StepScalars) -> String, SetText),
    /// A time in microseconds since 1970 (UTC).
    Time(fn(&StepScalars) -> i64, fn(&mut StepScalars, i64)),
}

/// Puts a text that was recorded into a row, or says what it should be.
pub type SetText = fn(&mut StepScalars, &str) -> Result<(), SchemaError>;

impl ScalarColumn {
    const fn new(name: &'static str, label: &'static str, kind: ScalarKind) -> Self {
        Self { name, label, unit: None, share: false, quantity: false, inspected: false, since: 1, kind }
    }

    const fn unit(self, unit: &'static str) -> Self {
        Self { unit: Some(unit), ..self }
    }

    const fn share(self) -> Self {
        Self { share: true, ..self }
    }

    const fn quantity(self) -> Self {
        Self { quantity: true, ..self }
    }

    const fn inspected(self) -> Self {
        Self { inspected: true, ..self }
    }

    const fn since(self, version: u32) -> Self {
        Self { since: version, ..self }
    }

    /// The column as Arrow knows it.
    pub fn field(&self) -> Field {
        let (of, nullable) = match self.kind {
            ScalarKind::Long(..) => (DataType::Int64, false),
            ScalarKind::Int(..) => (DataType::Int32, false),
            ScalarKind::Float(..) => (DataType::Float32, true),
            ScalarKind::RequiredFloat(..) => (DataType::Float32, false),
            ScalarKind::Text(..) => (DataType::Utf8, true),
            ScalarKind::RequiredText(..) => (DataType::Utf8, false),
            ScalarKind::Time(..) => (DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false),
        };
        Field::new(self.name, of, nullable)
    }
}

use ScalarKind::{Float, Int, Long, RequiredFloat, RequiredText, Text, Time};

/// Every scalar of a step, in the order of the columns. A new one goes to the
/// end, with the format version that has it first.
pub static SCALARS: &[ScalarColumn] = &[
    ScalarColumn::new("step", "step", Long(|row| row.step.0, |row, value| row.step = Step(value))),
    ScalarColumn::new("epoch", "epoch", Long(|row| row.cursor.epoch.0, |row, value| row.cursor.epoch = Epoch(value)))
        .quantity(),
    ScalarColumn::new(
        "offset",
        "place in the epoch's order",
        Int(|row| row.cursor.offset, |row, v| row.cursor.offset = v),
    )
    .unit("images"),
    ScalarColumn::new(
        "images_seen",
        "images seen",
        Long(|row| row.cursor.images_seen, |row, value| row.cursor.images_seen = value),
    )
    .unit("images")
    .quantity()
    .inspected(),
    ScalarColumn::new(
        "batch_images",
        "images of the batch",
        Int(|row| row.batch_images, |row, v| row.batch_images = v),
    )
    .unit("images"),
    ScalarColumn::new("loss", "loss", Float(|row| row.loss, |row, value| row.loss = value))
        .unit("nats")
        .quantity()
        .inspected(),
    ScalarColumn::new("decay_loss", "decay loss", Float(|row| row.decay_loss, |row, value| row.decay_loss = value))
        .quantity(),
    ScalarColumn::new(
        "batch_accuracy",
        "accuracy of the batch",
        Float(|row| row.batch_accuracy, |row, value| row.batch_accuracy = value),
    )
    .share()
    .quantity(),
    ScalarColumn::new(
        "live_accuracy",
        "accuracy, last 200 images",
        Float(|row| row.live_accuracy, |row, value| row.live_accuracy = value),
    )
    .share()
    .quantity()
    .inspected(),
    ScalarColumn::new(
        "learning_rate",
        "learning rate",
        RequiredFloat(
            |row| row.hyper_parameters.get("learning_rate").unwrap_or_default(),
            |row, value| row.hyper_parameters.set("learning_rate", Some(value)),
        ),
    )
    .quantity(),
    ScalarColumn::new(
        "momentum",
        "momentum",
        Float(|row| row.hyper_parameters.get("momentum"), |row, value| row.hyper_parameters.set("momentum", value)),
    )
    .quantity(),
    ScalarColumn::new(
        "weight_decay",
        "weight decay",
        RequiredFloat(
            |row| row.hyper_parameters.get("weight_decay").unwrap_or_default(),
            |row, value| row.hyper_parameters.set("weight_decay", Some(value)),
        ),
    )
    .quantity(),
    ScalarColumn::new(
        "batch_size",
        "batch size",
        Int(|row| row.hyper_parameters.batch_size, |row, value| row.hyper_parameters.batch_size = value),
    )
    .unit("images")
    .quantity(),
    ScalarColumn::new(
        "digest",
        "digest",
        RequiredText(|row| row.digest.to_string(), |row, text| text.parse().map(|digest| row.digest = digest)),
    ),
    ScalarColumn::new(
        "state_digest",
        "digest of the state",
        Text(
            |row| row.state_digest.map(|digest| digest.to_string()),
            |row, text| text.parse().map(|digest| row.state_digest = Some(digest)),
        ),
    ),
    ScalarColumn::new(
        "elapsed_nanos",
        "time of the step",
        Long(|row| row.elapsed_nanos, |row, v| row.elapsed_nanos = v),
    )
    .unit("ns"),
    ScalarColumn::new(
        "wall_time",
        "recorded",
        Time(|row| row.wall_time_micros, |row, value| row.wall_time_micros = value),
    ),
    // Those that have no column of their own, as a JSON object.
    ScalarColumn::new(
        "hyper_parameters",
        "other hyper-parameters",
        Text(
            |row| row.hyper_parameters.others(),
            |row, text| {
                row.hyper_parameters
                    .set_others(text)
                    .map_err(|error| SchemaError::Unreadable { what: "hyper-parameters", reason: error.to_string() })
            },
        ),
    )
    .since(2),
];
