//! The JSON Schema of `pack.yaml`, `step.yaml` and `rehearsal.yaml`, made from the types, for editors and for packs that others write.

use super::{pack::Pack, rehearsal::Rehearsal, step::Step};
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

/// All files in one document: `#/$defs/Pack`, `#/$defs/Step` and `#/$defs/Rehearsal`.
#[must_use]
pub fn document() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let pack = generator.subschema_for::<Pack>();
    let step = generator.subschema_for::<Step>();
    let rehearsal = generator.subschema_for::<Rehearsal>();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A guide of Guidepost: pack.yaml (Pack), step.yaml (Step) or rehearsal.yaml (Rehearsal)",
        "anyOf": [pack, step, rehearsal],
        "$defs": generator.take_definitions(true),
    })
}
