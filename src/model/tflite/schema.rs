//! What has to be known of the schema to take a file apart and put it together again: which fields are references.
//!
//! A field is told by its slot, its number in the table's declaration. Fields that are not listed are scalars and move
//! with their table. Slots at and beyond a shape's `known` are newer than this description: they are scalars only if
//! they cannot be anything else.

/// A kind of table.
#[derive(Debug)]
pub(super) struct Shape {
    /// The table's name in the schema.
    pub(super) name: &'static str,
    /// The slots that the description knows.
    pub(super) known: u16,
    /// Those of them that hold references.
    pub(super) references: &'static [(u16, Field)],
    /// The slots of the start and length of data that stand behind the flatbuffer, as absolute positions.
    pub(super) outside: Option<(u16, u16)>,
}

/// What a reference leads to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Field {
    /// A vector of numbers of so many bytes each.
    Numbers(u8),
    /// A vector of bytes that others may lay a structure over: aligned to 16.
    Blob,
    /// A text, with a zero behind it.
    Text,
    /// A table.
    Table(&'static Shape),
    /// A vector of tables.
    Tables(&'static Shape),
    /// A table of the kind that the byte in the slot before says.
    Union(&'static Union),
}

/// The kinds of table that a union may be.
#[derive(Debug)]
pub(super) struct Union {
    /// Those with references.
    shapes: &'static [(u8, &'static Shape)],
    /// The largest kind known: those not listed hold scalars only.
    known: u8,
}

impl Union {
    pub(super) fn shape(&self, kind: u8) -> &'static Shape {
        let listed = self.shapes.iter().find(|(listed, _)| *listed == kind).map(|(_, shape)| *shape);
        listed.unwrap_or(if kind <= self.known { &SCALARS } else { &UNKNOWN })
    }
}

impl Shape {
    /// Returns the bytes of a field that depends on where things stand: a reference, or a place behind the flatbuffer.
    pub(super) fn width(&self, slot: u16) -> Option<u16> {
        let is_outside = self.outside.is_some_and(|(start, len)| slot == start || slot == len);
        if is_outside { Some(8) } else { self.reference(slot).map(|_| 4) }
    }

    pub(super) fn reference(&self, slot: u16) -> Option<Field> {
        self.references.iter().find(|(known, _)| *known == slot).map(|(_, field)| *field)
    }
}

const fn table(name: &'static str, known: u16, references: &'static [(u16, Field)]) -> Shape {
    Shape { name, known, references, outside: None }
}

use Field::{Blob, Numbers, Table, Tables, Text};

/// A table of scalars, whatever their number.
static SCALARS: Shape = table("scalars", u16::MAX, &[]);
/// A table of which nothing is known.
static UNKNOWN: Shape = table("a kind newer than this reader", 0, &[]);

pub(super) static MODEL: Shape = table(
    "Model",
    10,
    &[
        (model::OPERATOR_CODES, Tables(&OPERATOR_CODE)),
        (model::SUBGRAPHS, Tables(&SUBGRAPH)),
        (model::DESCRIPTION, Text),
        (model::BUFFERS, Tables(&BUFFER)),
        (model::METADATA_BUFFERS, Numbers(4)),
        (model::METADATA, Tables(&METADATA)),
        (model::SIGNATURES, Tables(&SIGNATURE)),
        (8, Tables(&EXTERNAL_BUFFER_GROUP)),
        (model::EXTERNAL_BUFFERS, Tables(&EXTERNAL_BUFFER)),
    ],
);

pub(super) mod model {
    pub(crate) const VERSION: u16 = 0;
    pub(crate) const OPERATOR_CODES: u16 = 1;
    pub(crate) const SUBGRAPHS: u16 = 2;
    pub(crate) const DESCRIPTION: u16 = 3;
    pub(crate) const BUFFERS: u16 = 4;
    pub(crate) const METADATA_BUFFERS: u16 = 5;
    pub(crate) const METADATA: u16 = 6;
    pub(crate) const SIGNATURES: u16 = 7;
    pub(crate) const EXTERNAL_BUFFERS: u16 = 9;
}

pub(super) static OPERATOR_CODE: Shape = table("OperatorCode", 4, &[(operator_code::CUSTOM, Text)]);

pub(super) mod operator_code {
    pub(crate) const DEPRECATED_BUILTIN: u16 = 0;
    pub(crate) const CUSTOM: u16 = 1;
    pub(crate) const VERSION: u16 = 2;
    pub(crate) const BUILTIN: u16 = 3;
}

static SUBGRAPH: Shape = table(
    "SubGraph",
    6,
    &[
        (subgraph::TENSORS, Tables(&TENSOR)),
        (subgraph::INPUTS, Numbers(4)),
        (subgraph::OUTPUTS, Numbers(4)),
        (subgraph::OPERATORS, Tables(&OPERATOR)),
        (subgraph::NAME, Text),
    ],
);

pub(super) mod subgraph {
    pub(crate) const TENSORS: u16 = 0;
    pub(crate) const INPUTS: u16 = 1;
    pub(crate) const OUTPUTS: u16 = 2;
    pub(crate) const OPERATORS: u16 = 3;
    pub(crate) const NAME: u16 = 4;
}

pub(super) static BUFFER: Shape =
    Shape { name: "Buffer", known: 3, references: &[(buffer::DATA, Blob)], outside: Some((1, 2)) };

pub(super) mod buffer {
    pub(crate) const DATA: u16 = 0;
}

pub(super) static TENSOR: Shape = table(
    "Tensor",
    11,
    &[
        (tensor::SHAPE, Numbers(4)),
        (tensor::NAME, Text),
        (tensor::QUANTIZATION, Table(&QUANTIZATION)),
        (tensor::SPARSITY, Table(&SPARSITY)),
        (tensor::SHAPE_SIGNATURE, Numbers(4)),
        (9, Tables(&VARIANT)),
    ],
);

pub(super) mod tensor {
    pub(crate) const SHAPE: u16 = 0;
    pub(crate) const TYPE: u16 = 1;
    pub(crate) const BUFFER: u16 = 2;
    pub(crate) const NAME: u16 = 3;
    pub(crate) const QUANTIZATION: u16 = 4;
    pub(crate) const IS_VARIABLE: u16 = 5;
    pub(crate) const SPARSITY: u16 = 6;
    /// The shape with −1 where a length is not known before the model runs.
    pub(crate) const SHAPE_SIGNATURE: u16 = 7;
    /// Whether a shape without dimensions is that of a scalar.
    pub(crate) const HAS_RANK: u16 = 8;
    /// The number of data in another file; 0 if there are none.
    pub(crate) const EXTERNAL_BUFFER: u16 = 10;
}

pub(super) static QUANTIZATION: Shape = table(
    "QuantizationParameters",
    7,
    &[
        (0, Numbers(4)),
        (1, Numbers(4)),
        (quantization::SCALE, Numbers(4)),
        (quantization::ZERO_POINT, Numbers(8)),
        (quantization::DETAILS, Field::Union(&DETAILS)),
    ],
);

pub(super) mod quantization {
    pub(crate) const SCALE: u16 = 2;
    pub(crate) const ZERO_POINT: u16 = 3;
    pub(crate) const DETAILS: u16 = 5;
    pub(crate) const DIMENSION: u16 = 6;
}

static DETAILS: Union = Union {
    shapes: &[
        (1, &table("CustomQuantization", 1, &[(0, Blob)])),
        (2, &table("BlockwiseQuantization", 4, &[(3, Numbers(4))])),
        (3, &table("MultiAxisQuantization", 4, &[(3, Numbers(4))])),
    ],
    known: 3,
};

pub(super) static SPARSITY: Shape = table(
    "SparsityParameters",
    3,
    &[
        (sparsity::TRAVERSAL_ORDER, Numbers(4)),
        (sparsity::BLOCK_MAP, Numbers(4)),
        (sparsity::DIMENSIONS, Tables(&DIMENSION_METADATA)),
    ],
);

pub(super) mod sparsity {
    pub(crate) const TRAVERSAL_ORDER: u16 = 0;
    pub(crate) const BLOCK_MAP: u16 = 1;
    pub(crate) const DIMENSIONS: u16 = 2;
}

pub(super) static DIMENSION_METADATA: Shape = table(
    "DimensionMetadata",
    6,
    &[(dimension::SEGMENTS, Field::Union(&SPARSE_INDEX)), (dimension::INDICES, Field::Union(&SPARSE_INDEX))],
);

pub(super) mod dimension {
    pub(crate) const FORMAT: u16 = 0;
    pub(crate) const DENSE_SIZE: u16 = 1;
    pub(crate) const SEGMENTS: u16 = 3;
    pub(crate) const INDICES: u16 = 5;
}

pub(super) static SPARSE_INDEX: Union = Union {
    shapes: &[
        (1, &table("Int32Vector", 1, &[(0, Numbers(4))])),
        (2, &table("Uint16Vector", 1, &[(0, Numbers(2))])),
        (3, &table("Uint8Vector", 1, &[(0, Numbers(1))])),
    ],
    known: 3,
};

static VARIANT: Shape = table("VariantSubType", 3, &[(0, Numbers(4))]);

pub(super) static OPERATOR: Shape = Shape {
    name: "Operator",
    known: 14,
    references: &[
        (operator::INPUTS, Numbers(4)),
        (operator::OUTPUTS, Numbers(4)),
        (operator::OPTIONS, Field::Union(&OPTIONS)),
        (5, Blob),
        (7, Numbers(1)),
        (8, Numbers(4)),
        (12, Field::Union(&OPTIONS_2)),
    ],
    outside: Some((9, 10)),
};

pub(super) mod operator {
    pub(crate) const CODE: u16 = 0;
    pub(crate) const INPUTS: u16 = 1;
    pub(crate) const OUTPUTS: u16 = 2;
    pub(crate) const OPTIONS_KIND: u16 = 3;
    pub(crate) const OPTIONS: u16 = 4;
}

/// A table of scalars that an operator of so many slots or more refers to.
pub(super) fn scalars() -> &'static Shape {
    &SCALARS
}

pub(super) static FULLY_CONNECTED_OPTIONS: Shape = table("FullyConnectedOptions", 6, &[(5, Numbers(1))]);

pub(super) mod fully_connected {
    /// The kind of these options in the union.
    pub(crate) const KIND: u8 = 8;
    pub(crate) const ASYMMETRIC_QUANTIZE_INPUTS: u16 = 3;
}

static OPTIONS: Union = Union {
    shapes: &[
        (3, &table("ConcatEmbeddingsOptions", 3, &[(1, Numbers(4)), (2, Numbers(4))])),
        (fully_connected::KIND, &FULLY_CONNECTED_OPTIONS),
        (17, &table("ReshapeOptions", 1, &[(0, Numbers(4))])),
        (30, &table("SqueezeOptions", 1, &[(0, Numbers(4))])),
        (111, &table("VarHandleOptions", 2, &[(0, Text), (1, Text)])),
        (115, &table("BucketizeOptions", 1, &[(0, Numbers(4))])),
    ],
    known: 126,
};

static OPTIONS_2: Union = Union {
    shapes: &[
        (2, &table("StablehloBroadcastInDimOptions", 1, &[(0, Numbers(8))])),
        (3, &table("StablehloSliceOptions", 3, &[(0, Numbers(8)), (1, Numbers(8)), (2, Numbers(8))])),
        (
            4,
            &table(
                "StablehloConvolutionOptions",
                17,
                &[
                    (0, Numbers(8)),
                    (1, Numbers(8)),
                    (2, Numbers(8)),
                    (3, Numbers(8)),
                    (4, Numbers(1)),
                    (7, Numbers(8)),
                    (10, Numbers(8)),
                    (13, Numbers(8)),
                    (16, Numbers(4)),
                ],
            ),
        ),
        (5, &table("StablehloCustomCallOptions", 6, &[(0, Text), (2, Text), (4, Numbers(4)), (5, Blob)])),
        (6, &table("StablehloReduceOptions", 2, &[(0, Numbers(8))])),
        (7, &table("StablehloScatterOptions", 7, &[(1, Numbers(8)), (2, Numbers(8)), (3, Numbers(8))])),
        (9, &table("StablehloDynamicSliceOptions", 1, &[(0, Numbers(8))])),
        (10, &table("StablehloPadOptions", 3, &[(0, Numbers(8)), (1, Numbers(8)), (2, Numbers(8))])),
        (
            12,
            &table(
                "StablehloDotGeneralOptions",
                5,
                &[(0, Numbers(8)), (1, Numbers(8)), (2, Numbers(8)), (3, Numbers(8)), (4, Numbers(4))],
            ),
        ),
        (
            13,
            &table(
                "StablehloReduceWindowOptions",
                6,
                &[(0, Numbers(8)), (1, Numbers(8)), (2, Numbers(8)), (3, Numbers(8)), (4, Numbers(8))],
            ),
        ),
        (
            16,
            &table("StablehloGatherOptions", 6, &[(0, Numbers(8)), (1, Numbers(8)), (2, Numbers(8)), (4, Numbers(8))]),
        ),
        (17, &table("StablehloTransposeOptions", 1, &[(0, Numbers(8))])),
        (21, &table("StableHLOCompositeOptions", 5, &[(0, Text), (2, Blob)])),
        (23, &table("StablehloCaseOptions", 1, &[(0, Numbers(4))])),
    ],
    known: 23,
};

static METADATA: Shape = table("Metadata", 2, &[(metadata::NAME, Text)]);

pub(super) mod metadata {
    pub(crate) const NAME: u16 = 0;
    pub(crate) const BUFFER: u16 = 1;
}

static SIGNATURE: Shape = table(
    "SignatureDef",
    5,
    &[(signature::INPUTS, Tables(&TENSOR_MAP)), (signature::OUTPUTS, Tables(&TENSOR_MAP)), (signature::NAME, Text)],
);

pub(super) mod signature {
    pub(crate) const INPUTS: u16 = 0;
    pub(crate) const OUTPUTS: u16 = 1;
    pub(crate) const NAME: u16 = 2;
    pub(crate) const SUBGRAPH: u16 = 4;
}

pub(super) static TENSOR_MAP: Shape = table("TensorMap", 2, &[(tensor_map::NAME, Text)]);

pub(super) mod tensor_map {
    pub(crate) const NAME: u16 = 0;
    pub(crate) const TENSOR: u16 = 1;
}

static EXTERNAL_BUFFER_GROUP: Shape = table("ExternalBufferGroup", 1, &[(0, Text)]);
static EXTERNAL_BUFFER: Shape = table("ExternalBuffer", 5, &[(4, Text)]);

pub(super) mod external_buffer {
    pub(crate) const ID: u16 = 0;
    pub(crate) const LENGTH: u16 = 3;
}
