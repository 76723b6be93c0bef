/* What the parts of the ONNX importer share: values, attributes, errors. Inner header of src/import/onnx_*.c.
 *
 * Every value of the file is either an image - the output of a graph node, with the order of its axes - or a constant
 * held here as a tensor: weights, and the shape arithmetic that exporters leave in, folded for one input size. */
#ifndef FSCNN_IMPORT_ONNX_IMPORT_H
#define FSCNN_IMPORT_ONNX_IMPORT_H

#include "formats/onnx_file.h"
#include "import/import.h"

enum onnx_kind { ONNX_UNDEFINED, ONNX_IMAGE, ONNX_CONSTANT };

enum axis { AXIS_N, AXIS_C, AXIS_H, AXIS_W };

struct onnx_value {
    const char *name;
    enum onnx_kind kind;                  /* ONNX_UNDEFINED until its node has been read */
    int producer;                         /* number of the node that makes it; -1: none */
    const Onnx__TensorProto *initializer; /* read when it is first used */
    bool input;                           /* of the whole model */
    struct tensor constant;               /* ONNX_CONSTANT */
    struct pool_axis bins[2]; /* the same as an averaging matrix [right, left], once it has been read as one */
    int node;                 /* ONNX_IMAGE: in the graph */
    int rank;                 /* ONNX_IMAGE: 4, or 3 where the only channel has been squeezed out */
    enum axis axes[4];        /* ONNX_IMAGE: what each dimension is; N C H W unless transposed */
    bool labels;              /* ONNX_IMAGE: made by ArgMax, whole numbers */
};

/* Random numbers that choose the hash of names. */
struct onnx_hash_keys {
    uint64_t place, factor, addend;
};

enum { ONNX_MAX_NODE_INPUTS = 256, ONNX_MAX_ATTRIBUTES = 32 };

struct onnx_import {
    const char *file; /* for messages */
    const Onnx__ModelProto *model;
    int64_t opset;
    const struct import_options *options;
    struct graph *graph;
    struct arena arena; /* constants and the table of values, until the import ends */
    struct onnx_value *values;
    size_t num_values;
    uint32_t *slots;  /* number of a value + 1 by the hash of its name, open addressing */
    size_t num_slots; /* a power of two */
    struct onnx_hash_keys keys;
    int64_t batch; /* what Shape says: the file's batch, or 1 */
    struct fscnn_error *err;

    /* The node being read. */
    const Onnx__NodeProto *node;
    int num_inputs;
    struct onnx_value *inputs[ONNX_MAX_NODE_INPUTS]; /* NULL: left out */
    uint32_t attributes_read;                        /* bit i: attribute i has been asked for */
};

/* onnx_values.c: the table of values. NULL where there is none of that name. */
FSCNN_NODISCARD enum fscnn_status onnx_values_create(struct onnx_import *in);
struct onnx_value *onnx_value_find(const struct onnx_import *in, const char *name);

/* "model.onnx: node Resize_42 (Resize, opset 13): text" into the error. These are macros around functions so that a
 * compiler, and whoever checks the code, sees that the result is `status`. */
#define onnx_refuse(in, status, ...) (onnx_set_refusal((in), (status), __VA_ARGS__), (status))
/* Puts the same before a callee's text. */
#define onnx_refuse_prefix(in, status) (onnx_prefix_refusal((in), (status)), (status))
/* "model.onnx: text", for what concerns no single node. */
#define onnx_refuse_model(in, status, ...) (onnx_set_model_refusal((in), (status), __VA_ARGS__), (status))
void onnx_set_refusal(struct onnx_import *in, enum fscnn_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void onnx_prefix_refusal(struct onnx_import *in, enum fscnn_status status);
void onnx_set_model_refusal(struct onnx_import *in, enum fscnn_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
const char *onnx_node_name(const Onnx__NodeProto *node);

/* Attributes of the node being read; defaults where they are absent, FORMAT where they have another type. */
FSCNN_NODISCARD enum fscnn_status onnx_get_int(struct onnx_import *in, const char *name, int64_t preset, int64_t *out);
FSCNN_NODISCARD enum fscnn_status onnx_get_float(struct onnx_import *in, const char *name, float preset, float *out);
/* text gets a NUL-terminated copy of at most size - 1 bytes. */
FSCNN_NODISCARD enum fscnn_status onnx_get_text(struct onnx_import *in, const char *name, const char *preset,
                                                char *text, size_t size);
/* *count is 0 where it is absent; more than `max` values: FORMAT. */
FSCNN_NODISCARD enum fscnn_status onnx_get_ints(struct onnx_import *in, const char *name, int max, int64_t *out,
                                                int *count);
const Onnx__AttributeProto *onnx_find_attribute(struct onnx_import *in, const char *name);

/* Input i, or NULL where it was left out. */
struct onnx_value *onnx_input(const struct onnx_import *in, int i);
/* A constant of integers as an input (opset >= `since`) or an attribute of the same name before that; *count is 0 where
 * it is absent. */
FSCNN_NODISCARD enum fscnn_status onnx_get_ints_or_input(struct onnx_import *in, const char *name, int64_t since,
                                                         int input, int max, int64_t *out, int *count);

/* The node's first output becomes a constant, an image, or another name of `value`. */
FSCNN_NODISCARD enum fscnn_status onnx_set_constant(struct onnx_import *in, const struct tensor *constant);
FSCNN_NODISCARD enum fscnn_status onnx_set_image(struct onnx_import *in, int node, const struct onnx_value *like);
FSCNN_NODISCARD enum fscnn_status onnx_set_alias(struct onnx_import *in, const struct onnx_value *value);

/* An image's dimension i, batch included, and its shape as the file sees it. */
int64_t onnx_image_dim(const struct onnx_import *in, const struct onnx_value *image, int i);
struct shape onnx_image_shape(const struct onnx_import *in, const struct onnx_value *image);
/* Position of an axis among an image's dimensions, -1: not there. */
int onnx_image_find(const struct onnx_value *image, enum axis axis);

/* Axis numbers from the end are made positive. FORMAT where it is outside rank. */
FSCNN_NODISCARD enum fscnn_status onnx_fix_axis(struct onnx_import *in, int64_t axis, int rank, int *out);

/* onnx_shape_math.c: folds a node whose inputs are all constants. */
FSCNN_NODISCARD enum fscnn_status onnx_fold(struct onnx_import *in);
bool onnx_can_fold(const char *op_type);
/* The node's output becomes the dims of something (Shape, with its attributes start and end). */
FSCNN_NODISCARD enum fscnn_status onnx_set_shape(struct onnx_import *in, int rank, const int64_t *dims);
/* Fills in the 0 and -1 of a Reshape from [from_rank] to [rank]. FORMAT where the elements do not fit. */
FSCNN_NODISCARD enum fscnn_status onnx_resolve_reshape(struct onnx_import *in, const int64_t *from, int from_rank,
                                                       int64_t *shape, int rank);

/* onnx_ops.c: translates a node with an image among its inputs. */
FSCNN_NODISCARD enum fscnn_status onnx_translate(struct onnx_import *in);
/* The refusal of an operator outside the list, with the list. */
enum fscnn_status onnx_refuse_operator(struct onnx_import *in);

#endif
