//! Reading edits: `add-filter conv3 count=2 init=zero`.

use std::collections::VecDeque;
use std::str::FromStr;

use super::{Change, Edit, FilterInit, LayerInit, Setting, Target, setting};
use crate::words::{IMAGES, value};
use crate::{ArrayFile, FilterNumber, LayerName, Parameters, SchemaError, number, whole_number};

/// An array of coefficients, as a person keeps it in a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Coefficients {
    /// Lengths of its axes, the first one slowest.
    pub shape: Vec<usize>,
    /// Its values, the last axis fastest.
    pub values: Vec<f32>,
}

/// Reads what an edit names by a file, from there or wherever the caller keeps it.
pub trait ReadFiles {
    /// The coefficients that `set-weights` names.
    ///
    /// # Errors
    /// Why it cannot.
    fn coefficients(&mut self, file: &str) -> Result<Coefficients, String>;

    /// The arrays that `load-weights` names.
    ///
    /// # Errors
    /// Why it cannot.
    fn arrays(&mut self, file: &str) -> Result<ArrayFile, String>;

    /// The text that `drop-images`, `relabel` or `weight-images` names, of at most
    /// [`MOST_IMAGE_BYTES`](crate::MOST_IMAGE_BYTES).
    ///
    /// # Errors
    /// Why it cannot.
    fn images(&mut self, file: &str) -> Result<String, String>;
}

/// Reads nothing.
struct NoFiles;

impl ReadFiles for NoFiles {
    fn coefficients(&mut self, _file: &str) -> Result<Coefficients, String> {
        Err("coefficients cannot be read from a file here".to_owned())
    }

    fn arrays(&mut self, _file: &str) -> Result<ArrayFile, String> {
        Err("arrays cannot be read from a file here".to_owned())
    }

    fn images(&mut self, _file: &str) -> Result<String, String> {
        Err("images cannot be read from a file here: name them as in 3,17,100-200".to_owned())
    }
}

/// Every form of an edit, for help and errors.
pub const EDIT_FORMS: &[(&str, &str)] = &[
    ("add-filter", "add-filter LAYER [count=N] [init=random|zero|split|gradmax]"),
    ("remove-filter", "remove-filter LAYER/FILTER"),
    ("duplicate-filter", "duplicate-filter LAYER/FILTER"),
    ("reinitialise", "reinitialise LAYER[/FILTER]"),
    ("freeze", "freeze LAYER[/FILTER]"),
    ("unfreeze", "unfreeze LAYER[/FILTER]"),
    ("set-weights", "set-weights LAYER/FILTER FILE.npy [bias=VALUE]"),
    ("load-weights", "load-weights FILE.safetensors|FILE.npz|FILE.json [layer=LAYER]"),
    (
        "insert-layer",
        "insert-layer KIND after=LAYER|input [name=NAME] [init=random|identity|he|glorot|orthogonal] [PARAMETER=VALUE]…",
    ),
    ("remove-layer", "remove-layer LAYER"),
    ("drop-images", "drop-images IMAGES|FILE, IMAGES as in 3,17,100-200"),
    ("relabel", "relabel IMAGES CLASS [IMAGES CLASS]…, or relabel FILE with lines IMAGE,CLASS"),
    ("weight-images", "weight-images IMAGES WEIGHT [IMAGES WEIGHT]…, or weight-images FILE with lines IMAGE,WEIGHT"),
    (
        "set",
        "set activation LAYER FUNCTION, or set batch-size|optimizer|schedule VALUE, or set a hyper-parameter of the \
         optimizer by its name: set learning-rate|momentum|weight-decay|beta1|… VALUE",
    ),
];

impl Edit {
    /// An edit with the default seed.
    pub fn new(change: Change) -> Self {
        Self { change, seed: None }
    }

    /// Reads an edit as a person writes it; any form takes `seed=N` as well.
    ///
    /// # Errors
    /// [`SchemaError::Edit`] with the word that is not understood and the form
    /// that was expected.
    pub fn parse(text: &str, read: &mut dyn ReadFiles) -> Result<Self, SchemaError> {
        Words::new(text)?.edit(read)
    }
}

impl FromStr for Edit {
    type Err = SchemaError;

    /// [`Edit::parse`] where no file can be read: an edit that names one is refused.
    fn from_str(text: &str) -> Result<Self, SchemaError> {
        Self::parse(text, &mut NoFiles)
    }
}

/// The words of an edit that are not used up yet.
pub(super) struct Words<'a> {
    text: &'a str,
    form: &'static str,
    verb: String,
    pub(super) plain: VecDeque<String>,
    options: Vec<(String, String)>,
}

impl<'a> Words<'a> {
    fn new(text: &'a str) -> Result<Self, SchemaError> {
        let Some(mut words) = shlex::split(text).map(VecDeque::from) else {
            return Err(SchemaError::Edit {
                text: text.chars().take(200).collect(),
                reason: "a quote is open, or the last letter is a backslash".to_owned(),
                expected: "words quoted as in a shell, such as set-weights conv1/3 \"my files/w.npy\"".to_owned(),
            });
        };
        let verb = words.pop_front().unwrap_or_default();
        let Some((_, form)) = EDIT_FORMS.iter().find(|(name, _)| *name == verb) else {
            let known: Vec<&str> = EDIT_FORMS.iter().map(|(name, _)| *name).collect();
            return Err(SchemaError::Edit {
                text: text.chars().take(200).collect(),
                reason: format!("`{}` is no edit", verb.chars().take(40).collect::<String>()),
                expected: known.join(", "),
            });
        };
        let mut all = Self { text, form, verb, plain: Default::default(), options: Vec::new() };
        for word in words {
            // What is set has `=` within, and a file may have one anywhere.
            let is_option = |name: &str| match &all.verb[..] {
                "set" => name == "seed",
                "set-weights" => name == "seed" || name == "bias",
                "load-weights" => name == "seed" || name == "layer",
                "drop-images" | "relabel" | "weight-images" => name == "seed",
                _ => !name.contains(','),
            };
            match word.split_once('=').filter(|(name, _)| is_option(name)) {
                Some((name, _)) if all.options.iter().any(|(other, _)| *other == name) => {
                    return Err(all.error(format!("`{name}` is given twice")));
                }
                Some((name, value)) => all.options.push((name.to_owned(), value.to_owned())),
                None => all.plain.push_back(word),
            }
        }
        Ok(all)
    }

    pub(super) fn error(&self, reason: impl Into<String>) -> SchemaError {
        SchemaError::Edit {
            text: self.text.chars().take(200).collect(),
            reason: reason.into(),
            expected: self.form.to_owned(),
        }
    }

    pub(super) fn word(&mut self, what: &str) -> Result<String, SchemaError> {
        self.plain.pop_front().ok_or_else(|| self.error(format!("{what} is missing")))
    }

    fn parsed<T: FromStr>(&self, what: &str, word: &str) -> Result<T, SchemaError> {
        word.parse().map_err(|_| self.error(format!("`{word}` is no {what}")))
    }

    fn whole<T: TryFrom<u64>>(&self, what: &str, word: &str) -> Result<T, SchemaError> {
        let number = whole_number(word).map_err(|reason| self.error(format!("{what}: {reason}")))?;
        T::try_from(number).map_err(|_| self.error(format!("`{word}` is too large for {what}")))
    }

    fn finite(&self, what: &str, word: &str) -> Result<f32, SchemaError> {
        let value = number(word).map_err(|reason| self.error(format!("`{what}`: {reason}")))? as f32;
        if value.is_finite() {
            return Ok(value);
        }
        Err(self.error(format!("`{what}` takes a finite number that float32 can hold, found `{word}`")))
    }

    fn option(&mut self, name: &str) -> Option<String> {
        let place = self.options.iter().position(|(other, _)| *other == name)?;
        Some(self.options.remove(place).1)
    }

    fn target(&mut self) -> Result<Target, SchemaError> {
        let word = self.word("the layer")?;
        let (layer, filter) = match word.split_once('/') {
            Some((layer, filter)) => (layer, Some(FilterNumber(self.whole("the filter's number", filter)?))),
            None => (&word[..], None),
        };
        Ok(Target { layer: self.parsed("layer name", layer)?, filter })
    }

    fn filter(&mut self) -> Result<(LayerName, FilterNumber), SchemaError> {
        let Target { layer, filter } = self.target()?;
        let filter = filter.ok_or_else(|| self.error(format!("the filter is missing: write `{layer}/NUMBER`")))?;
        Ok((layer, filter))
    }

    fn layer(&mut self) -> Result<LayerName, SchemaError> {
        let Target { layer, filter } = self.target()?;
        match filter {
            Some(filter) => Err(self.error(format!("a layer is meant here, and `{layer}/{filter}` is a filter"))),
            None => Ok(layer),
        }
    }

    fn edit(mut self, read: &mut dyn ReadFiles) -> Result<Edit, SchemaError> {
        let seed = match self.option("seed") {
            Some(seed) => Some(self.whole("seed", &seed)?),
            None => None,
        };
        let change = match &self.verb[..] {
            "add-filter" => self.add_filter()?,
            "remove-filter" => self.filter().map(|(layer, filter)| Change::RemoveFilter { layer, filter })?,
            "duplicate-filter" => self.filter().map(|(layer, filter)| Change::DuplicateFilter { layer, filter })?,
            "reinitialise" => Change::Reinitialise(self.target()?),
            "freeze" => Change::Freeze(self.target()?),
            "unfreeze" => Change::Unfreeze(self.target()?),
            "set-weights" => {
                let (layer, filter) = self.filter()?;
                let file = self.word("the file with the coefficients")?;
                let bias = self.option("bias").map(|text| self.finite("bias", &text)).transpose()?;
                let Coefficients { shape, values } = read.coefficients(&file).map_err(|reason| self.error(reason))?;
                Change::SetWeights { layer, filter, values, shape: Some(shape), bias }
            }
            "load-weights" => {
                let file = self.word("the file with the arrays")?;
                let layer = self.option("layer").map(|layer| self.parsed("layer name", &layer)).transpose()?;
                Change::LoadWeights { arrays: read.arrays(&file).map_err(|reason| self.error(reason))?, layer }
            }
            "insert-layer" => self.insert_layer()?,
            "remove-layer" => Change::RemoveLayer { layer: self.layer()? },
            "set" => self.set()?,
            "drop-images" => self.drop_images(read)?,
            "relabel" => self.relabel(read)?,
            "weight-images" => self.weight_images(read)?,
            _ => unreachable!("invariant: the verb is one of EDIT_FORMS"),
        };
        if let Some(word) = self.plain.front() {
            return Err(self.error(format!("`{word}` is not understood")));
        }
        if let Some((name, value)) = self.options.first() {
            return Err(self.error(format!("`{name}={value}` is not understood")));
        }
        Ok(Edit { change, seed })
    }

    fn add_filter(&mut self) -> Result<Change, SchemaError> {
        let layer = self.layer()?;
        let count = match self.option("count") {
            Some(count) => self.whole::<u32>("count", &count)?,
            None => 1,
        };
        if !(1..=4096).contains(&count) {
            return Err(self.error(format!("count must be 1 to 4096, found {count}")));
        }
        let init = match self.option("init").as_deref() {
            None | Some("random") => FilterInit::Random,
            Some("zero") => FilterInit::Zero,
            Some("split") => FilterInit::Split,
            Some("gradmax") => FilterInit::Gradmax,
            Some(other) => return Err(self.error(format!("`{other}` is no way for a filter to begin"))),
        };
        Ok(Change::AddFilter { layer, count, init, coefficients: None })
    }

    fn insert_layer(&mut self) -> Result<Change, SchemaError> {
        let kind = self.word("the layer's kind")?;
        let after = match self.option("after").as_deref() {
            None => return Err(self.error("`after=` is missing: the layer that it follows")),
            Some(IMAGES) => None,
            Some(layer) => Some(self.parsed("layer name", layer)?),
        };
        let name = match self.option("name").as_deref() {
            Some(name) => Some(self.parsed("layer name", name)?),
            None => None,
        };
        let is_identity = self.options.iter().any(|(name, word)| *name == "init" && *word == "identity");
        let init = if is_identity { LayerInit::Identity } else { LayerInit::Random };
        // Another way to draw is a parameter of the kind.
        self.options.retain(|(name, word)| *name != "init" || !["random", "identity"].contains(&&word[..]));
        let parameters: Parameters =
            self.options.drain(..).map(|(name, text)| (name.replace('-', "_"), value(&text))).collect();
        Ok(Change::InsertLayer { kind, after, name, init, parameters })
    }

    fn set(&mut self) -> Result<Change, SchemaError> {
        let what = self.word("what to set")?;
        if what == "activation" {
            let layer = self.layer()?;
            return Ok(Change::SetActivation { layer, function: self.word("the function")? });
        }
        let text = self.word("the value")?;
        Ok(Change::Set(match &what[..] {
            setting::BATCH_SIZE => Setting::BatchSize(self.whole("batch-size", &text)?),
            setting::OPTIMIZER => {
                Setting::Optimizer(text.parse().map_err(|error: SchemaError| self.error(error.to_string()))?)
            }
            setting::SCHEDULE => {
                Setting::Schedule(text.parse().map_err(|error: SchemaError| self.error(error.to_string()))?)
            }
            _ => {
                let value = number(&text).map_err(|reason| self.error(format!("`{what}`: {reason}")))?;
                if !value.is_finite() {
                    return Err(self.error(format!("`{what}` takes a finite number, found `{text}`")));
                }
                Setting::HyperParameter { name: what.replace('-', "_"), value }
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_edit_is_written_as_it_was_read_and_survives_json() {
        for text in [
            "add-filter conv3",
            "add-filter conv3 count=2 init=gradmax seed=9",
            "remove-filter conv3/7",
            "duplicate-filter conv3/7",
            "reinitialise conv3/7",
            "reinitialise conv3",
            "freeze conv1",
            "unfreeze conv1/3",
            "insert-layer conv after=pool2 name=extra init=identity activation=relu filters=20 kernel=5",
            "insert-layer dropout after=input rate=0.5",
            "insert-layer conv after=pool2 kernel=[3,5] stride=[1,2]",
            "insert-layer conv after=pool2 init=he kernel=3",
            "remove-layer conv3",
            "set activation conv2 tanh",
            "set learning-rate 0.01",
            "set momentum 0.9",
            "set weight-decay 0.0001",
            "set beta1 0.8",
            "set epsilon 0.000001",
            "set batch-size 32",
            "set optimizer adam",
            "set optimizer adam,beta1=0.8",
            "drop-images 3,17,100-200",
            "relabel 3,17 cat",
            "relabel 3 class:4 seed=2",
            "weight-images 3-9 0.5",
            "set schedule step,every=100,factor=0.5",
            "set schedule warmup=50,start=0.1,cosine,over=400,floor=0",
        ] {
            let edit: Edit = text.parse().unwrap();
            assert_eq!(edit.to_string(), text);
            let json = serde_json::to_string(&edit).unwrap();
            assert_eq!(serde_json::from_str::<Edit>(&json).unwrap(), edit, "{json}");
        }
    }

    /// The file that was asked for.
    #[derive(Default)]
    struct Asked(String);

    impl ReadFiles for Asked {
        fn coefficients(&mut self, file: &str) -> Result<Coefficients, String> {
            file.clone_into(&mut self.0);
            Ok(Coefficients { shape: vec![1, 2], values: vec![0.1, f32::MIN_POSITIVE] })
        }

        fn arrays(&mut self, file: &str) -> Result<ArrayFile, String> {
            file.clone_into(&mut self.0);
            Ok(ArrayFile::new(vec![1, 2, 3]))
        }

        fn images(&mut self, file: &str) -> Result<String, String> {
            file.clone_into(&mut self.0);
            Ok("image,class,weight\n17,cat,0.5\n3,cat,0.5\n".to_owned())
        }
    }

    #[test]
    fn what_is_read_from_a_file_is_kept_as_values() {
        for (text, file, written) in [
            ("set-weights conv1/3 a.npy", "a.npy", "set-weights conv1/3 (2 coefficients)"),
            ("set-weights conv1/3 a.npy bias=-0.1", "a.npy", "set-weights conv1/3 (2 coefficients) bias=-0.1"),
            ("load-weights a.npz", "a.npz", "load-weights (arrays b177ec1bf26d)"),
            ("load-weights a.npz layer=fc1 seed=3", "a.npz", "load-weights (arrays b177ec1bf26d) layer=fc1 seed=3"),
            ("drop-images a.csv", "a.csv", "drop-images 3,17"),
            ("drop-images ./3", "./3", "drop-images 3,17"),
            ("relabel 'my files/a=b.csv' seed=3", "my files/a=b.csv", "relabel 3,17 cat seed=3"),
            ("weight-images a.csv", "a.csv", "weight-images 3,17 0.5"),
        ] {
            let mut asked = Asked::default();
            let edit = Edit::parse(text, &mut asked).unwrap();
            assert_eq!((&*asked.0, &*edit.to_string()), (file, written));
            let json = serde_json::to_string(&edit).unwrap();
            assert_eq!(serde_json::from_str::<Edit>(&json).unwrap(), edit);
        }
    }

    #[test]
    fn a_file_is_a_word_quoted_as_in_a_shell() {
        for (text, file) in [
            ("set-weights conv1/3 \"my files/w.npy\" seed=1", "my files/w.npy"),
            ("set-weights conv1/3 'my files/w.npy'", "my files/w.npy"),
            (r"set-weights conv1/3 my\ files/w.npy", "my files/w.npy"),
            ("set-weights conv1/3 lr=0.1/w.npy", "lr=0.1/w.npy"),
            ("set-weights seed=1 conv1/3 './seed=2'", "./seed=2"),
            ("set-weights conv1/3 './bias=2' bias=1", "./bias=2"),
            ("load-weights 'my files/lr=0.1/w.npz' layer=conv1", "my files/lr=0.1/w.npz"),
        ] {
            let mut asked = Asked::default();
            let edit = Edit::parse(text, &mut asked);
            assert!(edit.is_ok(), "{text}: {edit:?}");
            assert_eq!(asked.0, file, "{text}");
        }
        let open = "set-weights conv1/3 'my files/w.npy".parse::<Edit>().unwrap_err().to_string();
        assert!(open.contains("a quote is open") && open.contains("as in a shell"), "{open}");
    }

    #[test]
    fn what_is_not_understood_is_named_with_the_form_that_was_expected() {
        for (text, word, form) in [
            ("", "is no edit", "add-filter"),
            ("grow conv3", "`grow`", "remove-layer"),
            ("add-filter", "layer is missing", "add-filter LAYER"),
            ("add-filter conv3/7", "`conv3/7` is a filter", "add-filter LAYER"),
            ("add-filter conv3 count=0", "count", "count=N"),
            ("add-filter conv3 count=x", "`x`", "count=N"),
            ("add-filter conv3 init=ones", "`ones`", "gradmax"),
            ("add-filter conv3 conv4", "`conv4`", "add-filter LAYER"),
            ("add-filter conv3 seed=1 seed=2", "twice", "add-filter LAYER"),
            ("remove-filter conv3", "conv3/NUMBER", "LAYER/FILTER"),
            ("remove-filter conv3/x", "`x`", "LAYER/FILTER"),
            ("insert-layer conv filters=3", "after=", "after=LAYER"),
            ("set-weights conv1/3 a.npy", "cannot be read", "FILE.npy"),
            ("set-weights conv1/3 a.npy bias=nan", "`bias` takes a finite number", "[bias=VALUE]"),
            ("set-weights conv1/3 a.npy bias=1e60", "that float32 can hold, found `1e60`", "[bias=VALUE]"),
            ("load-weights", "the file with the arrays is missing", "FILE.npz"),
            ("load-weights a.npz", "cannot be read", "FILE.npz"),
            ("load-weights a.npz layer=1", "`1` is no layer name", "[layer=LAYER]"),
            ("drop-images", "a list of images, or the file that names them, is missing", "3,17,100-200"),
            ("drop-images 3,,4", "`` is not a valid list of training images", "3,17,100-200"),
            ("drop-images 9-3", "the smaller number first", "IMAGES|FILE"),
            ("drop-images a.csv", "images cannot be read from a file here", "IMAGES|FILE"),
            ("drop-images 3 17", "`17` is not understood", "IMAGES|FILE"),
            ("relabel", "a list of images, or the file that names them, is missing", "relabel FILE"),
            ("relabel 3", "the class of images 3 is missing", "IMAGES CLASS"),
            ("relabel 3 cat 4", "the class of images 4 is missing", "IMAGES CLASS"),
            ("relabel 3 cat 3-5 dog", "image 3 is given `cat` and `dog`", "IMAGES CLASS"),
            ("relabel cat 3", "`cat` is not a valid list of training images", "IMAGES CLASS"),
            ("weight-images 3 -1", "a weight is a finite number of at least 0, found `-1`", "IMAGES WEIGHT"),
            ("weight-images 3 1e60", "found `1e60`", "IMAGES WEIGHT"),
            ("weight-images 3 1 3 2", "image 3 is given weight 1 and weight 2", "IMAGES WEIGHT"),
            ("set colour red", "`colour`", "learning-rate"),
            ("set schedule step", "cosine,over", "schedule"),
            ("set schedule warmup=5,one-cycle,over=9", "cosine,over", "schedule"),
            ("set beta1 0.9 rate=1", "`rate=1`", "learning-rate"),
            ("set activation conv2", "function", "activation LAYER FUNCTION"),
            ("set beta1 nan", "`beta1` takes a finite number, found `nan`", "learning-rate"),
            ("set beta1 0,9", "write a decimal point", "learning-rate"),
            ("set optimizer sgd,momentum", "KIND[,NAME=VALUE]", "learning-rate"),
            ("set batch-size -1", "at least 0, found `-1`", "batch-size"),
        ] {
            let error = text.parse::<Edit>().unwrap_err().to_string();
            assert!(error.contains(word) && error.contains(form), "{text}: {error}");
        }
    }
}
