//! The tables of the log and their Arrow schemas.

use std::fmt;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, TimeUnit};

use crate::scalars::{SCALARS, ScalarColumn};
use crate::{CLASSLESS_SINCE, FORMAT_VERSION};

/// A table of the log: one folder of Parquet files in every branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// One row per step: losses, accuracies, hyper-parameters, digest.
    Steps,
    /// One row per step and filter: coefficients and bias.
    Weights,
    /// One row per step and filter: gradients of coefficients and bias.
    Gradients,
    /// One row per step, probe image and filter: the activation map.
    Activations,
    /// One row per step, probe image and filter: the map's gradient.
    ActivationGradients,
    /// One row per step and filter: statistics that views draw.
    Filters,
    /// One row per step and normalised channel: running statistics.
    Normalisation,
    /// Whole training states, one row per array.
    Keyframes,
    /// One row per full validation.
    Validation,
    /// One row per step and image of its batch, in the batch's order: what came of it
    /// before the update.
    Samples,
    /// One row per event, such as `diverged`.
    Events,
    /// One row per layer and filter of the branch: positions.
    Topology,
}

/// Tables with one row per filter and parameter vector.
pub const PARAMETER_TABLES: [Table; 2] = [Table::Weights, Table::Gradients];

/// Tables with one row per filter and probe image.
pub const ACTIVATION_TABLES: [Table; 2] = [Table::Activations, Table::ActivationGradients];

impl Table {
    /// All tables.
    pub const ALL: [Self; 12] = [
        Self::Steps,
        Self::Weights,
        Self::Gradients,
        Self::Activations,
        Self::ActivationGradients,
        Self::Filters,
        Self::Normalisation,
        Self::Keyframes,
        Self::Validation,
        Self::Samples,
        Self::Events,
        Self::Topology,
    ];

    /// The name, which is also the folder's.
    pub fn name(self) -> &'static str {
        match self {
            Self::Steps => "steps",
            Self::Weights => "weights",
            Self::Gradients => "gradients",
            Self::Activations => "activations",
            Self::ActivationGradients => "activation_gradients",
            Self::Filters => "filters",
            Self::Normalisation => "normalisation",
            Self::Keyframes => "keyframes",
            Self::Validation => "validation",
            Self::Samples => "samples",
            Self::Events => "events",
            Self::Topology => "topology",
        }
    }

    /// The table of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    /// The columns of the newest format.
    pub fn schema(self) -> Arc<Schema> {
        self.schema_of(FORMAT_VERSION)
    }

    /// The columns of a format version, which are the first of every later
    /// one's; some are nullable only from a later one on. Positions and counts are signed, because some readers have no
    /// unsigned integers.
    pub fn schema_of(self, version: u32) -> Arc<Schema> {
        let required = |name: &str, of: DataType| Field::new(name, of, false);
        let nullable = |name: &str, of: DataType| Field::new(name, of, true);
        let of_classes = |name: &str, of: DataType| Field::new(name, of, version >= CLASSLESS_SINCE);
        let step = || required("step", DataType::Int64);
        let filter = || {
            [required("layer", DataType::Utf8), required("filter", DataType::Int32), required("born", DataType::Utf8)]
        };
        let floats = |name: &str, null: bool| {
            Field::new(name, DataType::List(Arc::new(Field::new("element", DataType::Float32, false))), null)
        };
        let wall_time = || required("wall_time", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())));
        let mut columns = Vec::new();
        match self {
            Self::Steps => {
                columns.extend(SCALARS.iter().filter(|column| column.since <= version).map(ScalarColumn::field));
            }
            Self::Weights => {
                columns.push(step());
                columns.extend(filter());
                columns.extend([floats("values", false), required("bias", DataType::Float32)]);
            }
            Self::Gradients => {
                columns.push(step());
                columns.extend(filter());
                columns.extend([floats("values", true), nullable("bias", DataType::Float32)]);
            }
            Self::Activations | Self::ActivationGradients => {
                columns.push(step());
                columns.extend(filter());
                columns.extend([required("image", DataType::Int32), floats("values", false)]);
            }
            Self::Filters => {
                columns.push(step());
                columns.extend(filter());
                columns.extend([
                    nullable("mean_abs_gradient", DataType::Float32),
                    nullable("gradient_norm", DataType::Float32),
                    required("weight_norm", DataType::Float32),
                    nullable("update_ratio", DataType::Float32),
                    nullable("activation_sum", DataType::Float32),
                    nullable("zero_share", DataType::Float32),
                ]);
            }
            Self::Normalisation => {
                columns.push(step());
                columns.extend(filter());
                columns.extend([
                    required("running_mean", DataType::Float32),
                    required("running_variance", DataType::Float32),
                ]);
            }
            Self::Keyframes => {
                columns.push(step());
                columns.extend([
                    required("layer", DataType::Utf8),
                    required("quantity", DataType::Utf8),
                    floats("values", false),
                ]);
            }
            Self::Validation => columns.extend([
                step(),
                required("loss", DataType::Float32),
                of_classes("accuracy", DataType::Float32),
                of_classes("correct", DataType::Int32),
                required("images", DataType::Int32),
                of_classes("confusion", DataType::List(Arc::new(Field::new("element", DataType::Int32, false)))),
            ]),
            Self::Samples => {
                columns.push(step());
                columns.extend(["place", "image", "label"].map(|name| required(name, DataType::Int32)));
                columns.push(of_classes("predicted", DataType::Int32));
                columns.extend([of_classes("output", DataType::Float32), required("loss", DataType::Float32)]);
            }
            Self::Events => columns.extend([
                step(),
                required("kind", DataType::Utf8),
                required("message", DataType::Utf8),
                wall_time(),
            ]),
            Self::Topology => {
                columns.extend([
                    required("layer", DataType::Utf8),
                    required("kind", DataType::Utf8),
                    required("layer_position", DataType::Int32),
                    required("position", DataType::Int32),
                    required("filter", DataType::Int32),
                    required("born", DataType::Utf8),
                ]);
            }
        }
        Arc::new(Schema::new(columns))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_found_by_its_name() {
        for table in Table::ALL {
            assert_eq!(Table::from_name(table.name()), Some(table));
        }
    }

    /// The columns are the format: a change here needs a new format version.
    #[test]
    fn the_columns_are_those_of_this_format_version() {
        let listing: Vec<String> = Table::ALL
            .into_iter()
            .map(|table| {
                let names: Vec<String> = table.schema().fields().iter().map(|field| field.name().clone()).collect();
                format!("{table}: {}", names.join(" "))
            })
            .collect();
        assert_eq!(listing.join("\n"), include_str!("tables.txt").trim_end());
    }

    #[test]
    fn columns_of_the_first_format_come_first_and_are_as_they_were() {
        let steps = Table::Steps.schema_of(1);
        let columns: Vec<String> = steps
            .fields()
            .iter()
            .map(|field| {
                format!("{}{} {}", field.name(), if field.is_nullable() { "?" } else { "" }, field.data_type())
            })
            .collect();
        assert_eq!(
            columns,
            [
                "step Int64",
                "epoch Int64",
                "offset Int32",
                "images_seen Int64",
                "batch_images Int32",
                "loss? Float32",
                "decay_loss? Float32",
                "batch_accuracy? Float32",
                "live_accuracy? Float32",
                "learning_rate Float32",
                "momentum? Float32",
                "weight_decay Float32",
                "batch_size Int32",
                "digest Utf8",
                "state_digest? Utf8",
                "elapsed_nanos Int64",
                "wall_time Timestamp(µs, \"UTC\")",
            ]
        );
        for table in Table::ALL {
            let (first, newest) = (table.schema_of(1), table.schema());
            for (first, newest) in first.fields().iter().zip(newest.fields()) {
                assert_eq!((first.name(), first.data_type()), (newest.name(), newest.data_type()), "{table}");
                // What was written without nulls is read as what may have them.
                assert!(newest.is_nullable() || !first.is_nullable(), "{table}");
            }
            assert!(first.fields().len() <= newest.fields().len(), "{table}");
        }
    }

    #[test]
    fn what_a_network_without_classes_lacks_is_nullable_since_format_5() {
        let nullable = |table: Table, version: u32| -> Vec<String> {
            let schema = table.schema_of(version);
            schema.fields().iter().filter(|field| field.is_nullable()).map(|field| field.name().clone()).collect()
        };
        for version in 1..CLASSLESS_SINCE {
            assert!(nullable(Table::Validation, version).is_empty() && nullable(Table::Samples, version).is_empty());
        }
        assert_eq!(nullable(Table::Validation, CLASSLESS_SINCE), ["accuracy", "correct", "confusion"]);
        assert_eq!(nullable(Table::Samples, CLASSLESS_SINCE), ["predicted", "output"]);
    }
}
