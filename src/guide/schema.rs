//! The JSON Schema of `pack.yaml` and `step.yaml`, made from the types, for editors and for packs that others write.

use super::{pack::Pack, step::Step};
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

/// Both files in one document: `#/$defs/Pack` and `#/$defs/Step`.
#[must_use]
pub fn document() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let pack = generator.subschema_for::<Pack>();
    let step = generator.subschema_for::<Step>();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A guide of Guidepost: pack.yaml (Pack) or step.yaml (Step)",
        "anyOf": [pack, step],
        "$defs": generator.take_definitions(true),
    })
}
