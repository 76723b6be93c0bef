/* ATC's way of saying what to compile, and its coded complaints. */
#ifndef FSCNN_CLI_COMPILE_REQUEST_H
#define FSCNN_CLI_COMPILE_REQUEST_H

#include "fastscnn/fastscnn.h"

/* Why a compilation cannot be: printed as "CODE: text" and what to do about it. */
struct coded_error {
    char code[8];
    char text[600];
    char solution[256];
};

enum compile_mode { MODE_BUILD = 0, MODE_JSON = 1, MODE_CHECK = 3, MODE_INFO = 6 };

/* The words of the command line; NULL where not given. */
struct compile_words {
    const char *model, *om, *output, *framework, *mode, *input_format, *input_shape, *batches, *image_sizes, *out_nodes;
    const char *log, *soc_version, *precision, *precision_mode, *insert_op_conf, *check_report, *fusion_switch_file;
    const char *json_file, *calibrate, *calibration_method, *accuracy_budget, *sensitivity_report;
    const char *pool, *calibrate_limit; /* looked at already; here for whether they were given */
    bool exact;
};

enum log_level { LOG_NULL, LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

struct compile_request {
    enum compile_mode mode;
    enum log_level log;
    char input_name[256]; /* from --input_shape; "" where not given */
    int channels;         /* from --input_shape; 0 where not given */
    struct fscnn_compile_options options;
    bool bf16_for_fp16; /* --precision_mode asks for fp16, of which there is none */
    bool paints;        /* int8 without --calibrate: on pictures of ours */
};

/* Checks every word; false with *why filled. */
bool compile_request_parse(const struct compile_words *words, struct compile_request *out, struct coded_error *why);

/* What a failed fscnn_compile means in ATC's codes. */
void compile_failure_code(const struct compile_words *words, enum fscnn_status status, const struct fscnn_error *err,
                          struct coded_error *why);

/* What was to be written where an option says cannot be. Always false. */
bool compile_write_failed(const char *option, const char *value, const struct fscnn_error *err,
                          struct coded_error *why);

/* Does the compiled model have the input that --input_shape named? And is there what other options chose among? */
bool compile_request_fits(const struct compile_words *words, const struct compile_request *request,
                          const struct fscnn_model_info *info, struct coded_error *why);

/* After a failed compilation: is --input_shape about another input or other channels than the model's? It compiles for
 * the model's own size to see, and says so before its size is blamed. */
bool compile_request_misnames(const struct compile_words *words, const struct compile_request *request,
                              struct coded_error *why);

#endif
