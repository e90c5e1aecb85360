//! What is opened, and how it looks.

use std::path::{Path, PathBuf};

use revacnn_notebook::session::Session;
use revacnn_schemas::{Address, BranchName, FilterNumber, LayerName, Position};
use revacnn_store::StoreError;
use revacnn_store::{Lineage, Store};

use crate::ViewError;

/// What is opened, and how it looks.
#[derive(Debug, Clone)]
pub struct ViewOptions {
    /// The store.
    pub store: PathBuf,
    /// Where data sets are, if not where the store remembers them.
    pub data: Option<PathBuf>,
    /// What is looked at first; the end of the oldest branch if `None`.
    pub address: Option<Address>,
    /// The branch that is shown beside it, if one is.
    pub beside: Option<BranchName>,
    /// The filter that is chosen at first, if one is.
    pub filter: Option<(LayerName, FilterNumber)>,
    /// Width and height of the window, in logical pixels, if they were asked for.
    pub size: Option<[u32; 2]>,
    /// Whether the theme is dark, if one was asked for.
    pub dark: Option<bool>,
    /// The file that sizes and choices are remembered in; they are not where `None`.
    pub settings: Option<PathBuf>,
    /// The notebook that is opened; the store's history is one where `None`.
    pub notebook: Option<PathBuf>,
    /// Reads the coefficients that an edit of a notebook names.
    pub coefficients: Coefficients,
}

/// Reads the coefficients of a filter from a file.
pub type Coefficients = fn(&Path) -> Result<revacnn_schemas::Coefficients, String>;

/// The least and the largest width and height of a window, in logical pixels.
pub const SIZES: [[u32; 2]; 2] = [[640, 480], [7680, 4320]];

/// Whether a window can be so large.
pub fn is_size(size: [u32; 2]) -> bool {
    let [least, largest] = SIZES;
    (0..2).all(|axis| (least[axis]..=largest[axis]).contains(&size[axis]))
}

/// Width and height of a window whose size was neither asked for nor remembered.
const SIZE: [u32; 2] = [1440, 900];

impl ViewOptions {
    /// A store, as a window shows it of which nothing else was asked.
    pub fn of(store: impl Into<PathBuf>) -> Self {
        Self {
            store: store.into(),
            data: None,
            address: None,
            beside: None,
            filter: None,
            size: None,
            dark: None,
            settings: None,
            notebook: None,
            coefficients: |path| Err(format!("{} is not read here", path.display())),
        }
    }

    /// Width and height, in logical pixels.
    pub fn size(&self) -> [u32; 2] {
        self.size.unwrap_or(SIZE)
    }

    /// Looks for what was asked for in the store, so that nothing else is
    /// shown in its place.
    ///
    /// # Errors
    /// Those of [`Lineage::resolve`], and [`ViewError::NotThere`]; they say
    /// what there is.
    pub fn check(&self) -> Result<(), ViewError> {
        if let Some(notebook) = &self.notebook {
            Session::open(notebook).map_err(ViewError::NotThere)?;
        }
        if self.address.is_none() && self.beside.is_none() && self.filter.is_none() {
            // The window shows an empty or unreadable store as what it is.
            return Ok(());
        }
        let store = Store::open(&self.store)?;
        let oldest = || store.branches().map(|listed| listed.records.into_iter().next().map(|record| record.name));
        let address = match &self.address {
            Some(address) => Some(address.clone()),
            None => oldest()?.map(|branch| Address { branch, position: Position::Last }),
        };
        if let Some(beside) = &self.beside {
            Lineage::open(&store, beside)?;
            if address.as_ref().is_some_and(|address| address.branch == *beside) {
                return Err(ViewError::NotThere(format!(
                    "`{beside}` is the branch that is shown: expected another one to show beside it"
                )));
            }
        }
        let Some(address) = address else {
            return Err(ViewError::NotThere(format!("{} has no branch yet", self.store.display())));
        };
        let lineage = Lineage::open(&store, &address.branch)?;
        let step = lineage.resolve(address.position)?;
        let Some((layer, number)) = &self.filter else { return Ok(()) };
        let topology = &lineage.holder(step)?.branch().topology;
        // The last layer's units are classes or pixels, and no nodes.
        let blocks: Vec<_> = topology.blocks().collect();
        let shown = &blocks[..blocks.len().saturating_sub(1)];
        let unknown = |what: String, known: String| StoreError::UnknownFilter {
            branch: address.branch.clone(),
            what: format!("{what} to choose at step {step}"),
            known,
        };
        let Some(found) = shown.iter().find(|block| block.layer == *layer) else {
            let known: Vec<&str> = shown.iter().map(|block| block.layer.as_str()).collect();
            return Err(unknown(format!("layer `{layer}`"), format!("there are {}", known.join(", "))).into());
        };
        if !found.filters.iter().any(|filter| filter.number == *number) {
            let known: Vec<String> = found.filters.iter().map(|filter| filter.number.to_string()).collect();
            let known = format!("the filters of {layer} are {}", known.join(", "));
            return Err(unknown(format!("filter {layer}/{number}"), known).into());
        }
        Ok(())
    }
}
