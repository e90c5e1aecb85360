//! Reading edits of training images: `drop-images 3,17`, `relabel 3 cat`, `weight-images FILE`.

use super::grammar::Words;
use super::{Change, ClassWord, ReadFiles, image_file};
use crate::{ImageSet, SchemaError};

impl Words<'_> {
    pub(super) fn drop_images(&mut self, read: &mut dyn ReadFiles) -> Result<Change, SchemaError> {
        let word = self.word("a list of images, or the file that names them,")?;
        let images = match is_list(&word) {
            true => self.images(&word)?,
            false => self.of_file(&word, read, image_file::images)?,
        };
        Ok(Change::drop_images(images))
    }

    pub(super) fn relabel(&mut self, read: &mut dyn ReadFiles) -> Result<Change, SchemaError> {
        let pairs = match self.file()? {
            Some(file) => self.of_file(&file, read, image_file::classes)?,
            None => self.pairs("the class", |_, word| Ok(ClassWord::of(word)))?,
        };
        Change::relabel(pairs).map_err(|reason| self.error(reason))
    }

    pub(super) fn weight_images(&mut self, read: &mut dyn ReadFiles) -> Result<Change, SchemaError> {
        let pairs = match self.file()? {
            Some(file) => self.of_file(&file, read, image_file::weights)?,
            None => self.pairs("the weight", |words, word| {
                image_file::weight(word)
                    .map_err(|found| words.error(format!("a weight is a finite number of at least 0, found {found}")))
            })?,
        };
        Change::weigh(pairs).map_err(|reason| self.error(reason))
    }

    /// The file in the place of images and what they are given, if that is meant.
    fn file(&mut self) -> Result<Option<String>, SchemaError> {
        let is_file = match self.plain.front() {
            None => return Err(self.error("a list of images, or the file that names them, is missing")),
            Some(word) => self.plain.len() == 1 && !is_list(word),
        };
        Ok(if is_file { self.plain.pop_front() } else { None })
    }

    fn of_file<T>(
        &self,
        file: &str,
        read: &mut dyn ReadFiles,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, SchemaError> {
        let text = read.images(file).map_err(|reason| self.error(reason))?;
        let shown: String = file.chars().take(200).collect();
        parse(&text).map_err(|reason| self.error(format!("{shown}: {reason}")))
    }

    /// Images and what they are given, in turn.
    fn pairs<T>(
        &mut self,
        what: &str,
        value: impl Fn(&Self, &str) -> Result<T, SchemaError>,
    ) -> Result<Vec<(T, ImageSet)>, SchemaError> {
        let mut pairs = Vec::new();
        while let Some(word) = self.plain.pop_front() {
            let images = self.images(&word)?;
            let word = self.word(&format!("{what} of images {word}"))?;
            pairs.push((value(self, &word)?, images));
        }
        Ok(pairs)
    }

    fn images(&self, word: &str) -> Result<ImageSet, SchemaError> {
        word.parse().map_err(|error: SchemaError| self.error(error.to_string()))
    }
}

/// Whether a word is a list of images, and no file: one of such a name is `./3`.
fn is_list(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit() || byte == b',' || byte == b'-')
}
