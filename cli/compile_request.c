#include "compile_request.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "default_model.h"
#include "files.h"

static bool refuse(struct coded_error *why, const char *code, const char *solution, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static bool refuse(struct coded_error *why, const char *code, const char *solution, const char *format, ...) {
    snprintf(why->code, sizeof(why->code), "%s", code);
    snprintf(why->solution, sizeof(why->solution), "%s", solution);
    va_list args;
    va_start(args, format);
    vsnprintf(why->text, sizeof(why->text), format, args);
    va_end(args);
    make_printable(why->text);
    return false;
}

/* E10001, ATC's wording for a bad value. */
static bool refuse_value(struct coded_error *why, const char *option, const char *value, const char *reason,
                         const char *solution) {
    return refuse(why, "E10001", solution, "Value [%.200s] for parameter [--%s] is invalid. Reason: %s", value, option,
                  reason);
}

/* The index of a word in a NULL-terminated list, without regard to case; -1: none. */
static int find_word(const char *const *list, const char *word) {
    for (int i = 0; list[i]; i++) {
        if (strcasecmp(list[i], word) == 0) {
            return i;
        }
    }
    return -1;
}

static bool parse_number(const char *text, size_t length, int *out) {
    char copy[12], *end;
    if (length == 0 || length >= sizeof(copy)) {
        return false;
    }
    memcpy(copy, text, length);
    copy[length] = '\0';
    long value = strtol(copy, &end, 10);
    *out = (int)value;
    return *end == '\0' && value >= -1 && value <= 1 << 30;
}

/* "1,2,4,8": whole numbers with commas between them; returns how many, -1 where one is none or there are too many. */
static int parse_numbers(const char *text, int *out, int most) {
    for (int count = 0; count < most;) {
        size_t n = strcspn(text, ",");
        if (!parse_number(text, n, &out[count++])) {
            return -1;
        }
        if (text[n] == '\0') {
            return count;
        }
        text += n + 1;
    }
    return -1;
}

#define SHAPE_SOLUTION "Write it like --input_shape=\"image:1,3,1024,2048\""

static bool parse_shape(const char *text, struct compile_request *out, struct coded_error *why) {
    const char *colon = strrchr(text, ':');
    int dims[4];
    if (strchr(text, ';')) {
        return refuse_value(why, "input_shape", text, "more than one input; models have one", SHAPE_SOLUTION);
    }
    if (!colon || colon == text || (size_t)(colon - text) >= sizeof(out->input_name) ||
        parse_numbers(colon + 1, dims, 4) != 4) {
        return refuse(why, "E10002", SHAPE_SOLUTION,
                      "Value [%.200s] for parameter [--input_shape] is not like name:n,c,h,w", text);
    }
    snprintf(out->input_name, sizeof(out->input_name), "%.*s", (int)(colon - text), text);
    if (dims[1] < 1 || dims[2] < 1 || dims[3] < 1) {
        return refuse_value(why, "input_shape", text, "channels, height and width are fixed and above 0",
                            "Compile one offline model for each picture size");
    }
    if (dims[0] == 0 || dims[0] < -1 || dims[0] > FSCNN_MAX_BATCH) {
        return refuse_value(why, "input_shape", text, "a batch is 1 to 256, or -1 with --dynamic_batch_size",
                            SHAPE_SOLUTION);
    }
    out->channels = dims[1];
    out->options.height = dims[2];
    out->options.width = dims[3];
    out->options.num_batch_sizes = dims[0] > 0;
    out->options.batch_sizes[0] = dims[0];
    return true;
}

/* --dynamic_batch_size, after --input_shape. */
static bool parse_batches(const char *text, struct compile_request *out, struct coded_error *why) {
    static const char solution[] = "Write it like --dynamic_batch_size=\"1,2,4,8\", with -1 as batch in --input_shape";
    int sizes[FSCNN_MAX_BATCH_SIZES];
    int count = parse_numbers(text, sizes, FSCNN_MAX_BATCH_SIZES);
    if (count < 1) {
        return refuse_value(why, "dynamic_batch_size", text, "not a list of at most 16 whole numbers", solution);
    }
    if (out->channels && out->options.num_batch_sizes) {
        return refuse_value(why, "dynamic_batch_size", text, "--input_shape fixes the batch already", solution);
    }
    for (int i = 0; i < count; i++) {
        if (sizes[i] < 1 || sizes[i] > FSCNN_MAX_BATCH) {
            return refuse_value(why, "dynamic_batch_size", text, "a batch is 1 to 256", solution);
        }
        int at = i; /* insertion into what is sorted so far */
        for (; at > 0 && out->options.batch_sizes[at - 1] >= sizes[i]; at--) {
            if (out->options.batch_sizes[at - 1] == sizes[i]) {
                return refuse_value(why, "dynamic_batch_size", text, "a batch size twice", solution);
            }
            out->options.batch_sizes[at] = out->options.batch_sizes[at - 1];
        }
        out->options.batch_sizes[at] = sizes[i];
    }
    out->options.num_batch_sizes = count;
    return true;
}

static bool parse_target(const char *text, struct coded_error *why) {
    char reason[200];
    if (strcasecmp(text, "native") == 0 || strcasecmp(text, fscnn_cpu_isa()) == 0) {
        return true;
    }
    snprintf(reason, sizeof(reason),
             "%s. The value must be selected from: native, %s (offline models run on any processor of this "
             "architecture)",
             strncasecmp(text, "Ascend", 6) == 0 ? "an NPU; these models run on processors" : "no such target here",
             fscnn_cpu_isa());
    return refuse_value(why, "soc_version", text, reason, "Use --soc_version=native or leave it out");
}

/* ATC's words for precision, and what comes nearest here. */
static const struct precision_mode {
    const char *name;
    enum fscnn_precision precision;
    bool names_fp16; /* for which there are no kernels */
} precision_modes[] = {
    {"force_fp32", FSCNN_FP32, false},
    {"must_keep_origin_dtype", FSCNN_FP32, false},
    {"allow_fp32_to_fp16", FSCNN_BF16, true},
    {"allow_fp32_to_bf16", FSCNN_BF16, false},
    {"force_fp16", FSCNN_BF16, true},
    {"allow_mix_precision", FSCNN_BF16, true},
    {"allow_mix_precision_fp16", FSCNN_BF16, true},
    {"allow_mix_precision_bf16", FSCNN_BF16, false},
    {"cube_fp16in_fp32out", FSCNN_BF16, true},
};
enum { NUM_PRECISION_MODES = sizeof(precision_modes) / sizeof(precision_modes[0]) };

static bool parse_precision_mode(const char *text, const struct precision_mode **out, struct coded_error *why) {
    char all[256] = "The value must be selected from: ";
    for (int i = 0; i < NUM_PRECISION_MODES; i++) {
        if (strcasecmp(precision_modes[i].name, text) == 0) {
            *out = &precision_modes[i];
            return true;
        }
        size_t used = strlen(all);
        snprintf(all + used, sizeof(all) - used, "%s%s", i ? ", " : "", precision_modes[i].name);
    }
    return refuse_value(why, "precision_mode", text, all, "Use --precision_mode=force_fp32");
}

static bool parse_precision(const struct compile_words *words, struct compile_request *out, struct coded_error *why) {
    static const char *const precisions[] = {"fp32", "bf16", "int8", NULL};
    const struct precision_mode *mode = NULL;
    int precision = words->precision ? find_word(precisions, words->precision) : FSCNN_FP32;
    if (precision < 0) {
        return refuse_value(why, "precision", words->precision, "The value must be selected from: fp32, bf16, int8",
                            "Use --precision=fp32");
    }
    if (words->precision_mode && !parse_precision_mode(words->precision_mode, &mode, why)) {
        return false;
    }
    if (mode && words->precision && (int)mode->precision != precision) {
        char reason[64];
        snprintf(reason, sizeof(reason), "it means %s, and --precision asks for %s", precisions[mode->precision],
                 precisions[precision]);
        return refuse_value(why, "precision_mode", words->precision_mode, reason, "Leave one of the two out");
    }
    precision = mode ? (int)mode->precision : precision;
    if (words->exact && precision != FSCNN_FP32) {
        return refuse_value(why, "exact", precisions[precision], "only fp32 is exact", "Leave one of the two out");
    }
    out->options.exact = words->exact || out->mode != MODE_BUILD;
    out->options.precision = (enum fscnn_precision)precision;
    out->options.calibration = words->calibrate;
    out->paints = precision == FSCNN_INT8 && !words->calibrate;
    out->bf16_for_fp16 = mode && mode->names_fp16;
    return true;
}

/* What only int8 has. */
static bool parse_int8(const struct compile_words *words, struct compile_request *out, struct coded_error *why) {
    static const char *const methods[] = {"percentile", "mse", "minmax", "entropy", NULL};
    const struct {
        const char *option, *value;
    } given[] = {{"calibrate", words->calibrate},
                 {"calibrate_limit", words->calibrate_limit},
                 {"calibration_method", words->calibration_method},
                 {"accuracy_budget", words->accuracy_budget},
                 {"sensitivity_report", words->sensitivity_report}};
    for (size_t i = 0; i < sizeof(given) / sizeof(given[0]) && out->options.precision != FSCNN_INT8; i++) {
        if (given[i].value) {
            return refuse_value(why, given[i].option, given[i].value, "only int8 looks at pictures",
                                "Add --precision=int8");
        }
    }
    int method = words->calibration_method ? find_word(methods, words->calibration_method) : 0;
    if (method < 0) {
        return refuse_value(why, "calibration_method", words->calibration_method,
                            "The value must be selected from: percentile, mse, minmax, entropy",
                            "Leave it out for percentile");
    }
    out->options.calibration_method = (enum fscnn_calibration_method)method;
    if (words->accuracy_budget) {
        char *end;
        double budget = strtod(words->accuracy_budget, &end);
        if (end == words->accuracy_budget || *end != '\0' || !(budget > 0 && budget <= 100)) {
            return refuse_value(why, "accuracy_budget", words->accuracy_budget, "it is a percentage above 0, up to 100",
                                "Use --accuracy_budget=1 for at most 1 % of the labels");
        }
        out->options.accuracy_budget = budget;
    }
    return true;
}

/* Words of which only one value, or a short list, is possible. */
static bool parse_fixed_words(const struct compile_words *words, struct compile_request *out, struct coded_error *why) {
    static const char *const modes[] = {"0", "1", "3", "6", NULL};
    static const enum compile_mode mode_values[] = {MODE_BUILD, MODE_JSON, MODE_CHECK, MODE_INFO};
    static const char *const levels[] = {"null", "error", "warning", "info", "debug", NULL};
    int mode = words->mode ? find_word(modes, words->mode) : 0;
    int level = words->log ? find_word(levels, words->log) : LOG_NULL;
    if (mode < 0) {
        return refuse_value(why, "mode", words->mode, "The value must be selected from: 0, 1, 3, 6",
                            "0 builds, 1 writes JSON, 3 checks only, 6 shows an offline model");
    }
    if (level < 0) {
        return refuse_value(why, "log", words->log,
                            "The value must be selected from: null, error, warning, info, debug", "Use --log=error");
    }
    if (words->framework && strcmp(words->framework, "5") != 0) {
        return refuse_value(why, "framework", words->framework, "The value must be 5 (ONNX)",
                            "Export the network to ONNX; a checkpoint (.pth) needs no --framework");
    }
    if (words->input_format && strcasecmp(words->input_format, "NCHW") != 0) {
        return refuse_value(why, "input_format", words->input_format, "The value must be NCHW",
                            "Leave it out; offline models take uint8 RGB pictures (NHWC) as well");
    }
    if (words->out_nodes && strchr(words->out_nodes, ';')) {
        return refuse_value(why, "out_nodes", words->out_nodes, "an offline model has one output", "Name one");
    }
    if (words->image_sizes) {
        return refuse_value(why, "dynamic_image_size", words->image_sizes, "an offline model has one picture size",
                            "Compile one offline model for each picture size");
    }
    if (words->insert_op_conf) {
        return refuse_value(why, "insert_op_conf", words->insert_op_conf,
                            "pictures are normalised as the network was trained, and no other way",
                            "Leave it out: offline models take uint8 RGB pictures and normalise them themselves");
    }
    out->mode = mode_values[mode];
    out->log = (enum log_level)level;
    return true;
}

static bool check_required(const struct compile_words *words, const struct compile_request *request,
                           struct coded_error *why) {
    const char *model = words->model ? words->model : words->om;
    if (!model) {
        return refuse(why, "E10007", "Give the ONNX file or the checkpoint with --model", "[--model] is required");
    }
    if (words->om && (words->model || request->mode == MODE_BUILD || request->mode == MODE_CHECK)) {
        return refuse_value(why, "om", words->om, "it names an offline model for --mode=1 and --mode=6",
                            "Name what is to be compiled with --model");
    }
    if (request->mode == MODE_BUILD && !words->output) {
        return refuse(why, "E10007", "Give the name of the offline model with --output", "[--output] is required");
    }
    const char *name = request->mode == MODE_JSON && words->json_file ? words->json_file : words->output;
    if (name && base_name(name)[0] == '\0') {
        return refuse_value(why, name == words->output ? "output" : "json", name, "no name of a file in it",
                            "Name a file, not a folder");
    }
    if (words->json_file && request->mode != MODE_JSON) {
        return refuse_value(why, "json", words->json_file, "a file is written with --mode=1 only",
                            "Add --mode=1, or use --json alone for a report on the console");
    }
    bool compiles = request->mode != MODE_INFO && (request->mode != MODE_JSON || model_is_source(model));
    if (!compiles && (words->input_shape || words->batches || words->precision || words->precision_mode ||
                      words->exact || words->out_nodes || words->pool)) {
        return refuse_value(
            why, "mode", words->mode, "an offline model is compiled already; its shape is fixed",
            "Leave --input_shape, --dynamic_batch_size, --precision, --exact, --pool and --out_nodes out");
    }
    if (request->mode == MODE_JSON && !words->output && !words->json_file) {
        return refuse(why, "E10007", "Give the name of the JSON file with --json=FILE or --output",
                      "[--json] is required with --mode=1");
    }
    return true;
}

bool compile_request_parse(const struct compile_words *words, struct compile_request *out, struct coded_error *why) {
    enum fscnn_pool pool = out->options.pool;
    int calibration_limit = out->options.calibration_limit;
    *out = (struct compile_request){.options = {
                                        .pool = pool,
                                        .output_name = words->out_nodes,
                                        .calibration_limit = calibration_limit,
                                    }};
    return parse_fixed_words(words, out, why) && check_required(words, out, why) &&
           (!words->input_shape || parse_shape(words->input_shape, out, why)) &&
           (!words->batches || parse_batches(words->batches, out, why)) &&
           (!out->channels || out->options.num_batch_sizes > 0 ||
            refuse_value(why, "input_shape", words->input_shape, "batch -1 needs --dynamic_batch_size",
                         "Add --dynamic_batch_size=\"1,2,4,8\"")) &&
           (!words->soc_version || parse_target(words->soc_version, why)) && parse_precision(words, out, why) &&
           parse_int8(words, out, why);
}

void compile_failure_code(const struct compile_words *words, enum fscnn_status status, const struct fscnn_error *err,
                          struct coded_error *why) {
    struct fscnn_error said = *err;
    const char *text = said.text, *model = words->model ? words->model : words->om;
    model_explain(model, status, &said);
    /* The phrases are the importer's own, so that no file's name is taken for one of them. */
    if (status == FSCNN_ERROR_UNSUPPORTED &&
        (strstr(text, "is not supported; supported: ") || strstr(text, ": operators of domain "))) {
        refuse(why, "E19010",
               "Export the network with the operators listed, or choose an earlier output by --out_nodes",
               "No parser is registered for an operator of the model. %s", text);
    } else if (status == FSCNN_ERROR_UNSUPPORTED && words->input_shape && strstr(text, "is fixed to")) {
        refuse_value(why, "input_shape", words->input_shape, text, "Export the network for that size");
    } else if (status == FSCNN_ERROR_UNSUPPORTED && words->accuracy_budget && strstr(text, "accuracy budget: ")) {
        refuse_value(why, "accuracy_budget", words->accuracy_budget, text,
                     "Allow more of the labels to differ, or use --precision=fp32");
    } else if (status == FSCNN_ERROR_UNSUPPORTED && words->om) {
        refuse(why, "EZ3003", "Compile it again from its ONNX file or checkpoint", "%s", text);
    } else if (status == FSCNN_ERROR_UNSUPPORTED) {
        refuse(why, "EZ3003", "Choose a model within the limits named", "No kernel supports this model. %s", text);
    } else if (words->out_nodes && strstr(text, words->out_nodes)) {
        refuse(why, "E10016", "Name an output of the model; 'fastscnn info MODEL' lists them",
               "Opname [%.100s] specified in [--out_nodes] is not found in the model. %s", words->out_nodes, text);
    } else if (words->calibrate && strstr(text, words->calibrate)) {
        refuse_value(why, "calibrate", words->calibrate, text, "Name a folder of pictures like those to come");
    } else if (status == FSCNN_ERROR_IO && !strstr(text, model)) {
        refuse(why, "E10001", "Make room or set TMPDIR", "%s", text);
    } else if (status == FSCNN_ERROR_IO) {
        refuse_value(why, words->model ? "model" : "om", model, text, "Name a file that is there and can be read");
    } else if (status == FSCNN_ERROR_USAGE) {
        refuse(why, "E10001", "Correct the value", "%s", text);
    } else {
        refuse_value(why, words->model ? "model" : "om", model, text, "Check the file with 'fastscnn info FILE'");
    }
}

/* What only an ONNX file, or only a checkpoint, leaves open. Content tells them apart, so it is asked for when there
 * is a model. */
static bool check_kind(const struct compile_words *words, struct coded_error *why) {
    const char *model = words->model ? words->model : words->om;
    bool checkpoint = model_is_checkpoint(model);
    if (words->out_nodes && checkpoint) {
        return refuse_value(why, "out_nodes", words->out_nodes, "a checkpoint has one output",
                            "Leave it out; it is for ONNX files");
    }
    if (words->pool && !checkpoint) {
        return refuse_value(why, "pool", words->pool, "an ONNX file says itself how it pools",
                            "Leave it out; it is for checkpoints and for 'fastscnn export'");
    }
    return true;
}

bool compile_write_failed(const char *option, const char *value, const struct fscnn_error *err,
                          struct coded_error *why) {
    return refuse_value(why, option, value, err->text, "Name a place that can be written and has room");
}

bool compile_request_fits(const struct compile_words *words, const struct compile_request *request,
                          const struct fscnn_model_info *info, struct coded_error *why) {
    char value[64], reason[64];
    if (!check_kind(words, why)) {
        return false;
    }
    if (request->input_name[0] && strcmp(request->input_name, info->input_name) != 0) {
        char solution[128];
        snprintf(solution, sizeof(solution), "The model's input is called '%.80s'", info->input_name);
        return refuse(why, "E10016", solution, "Opname [%.100s] specified in [--input_shape] is not found in the model",
                      request->input_name);
    }
    if (request->channels && request->channels != info->channels) {
        snprintf(value, sizeof(value), "%d channels", request->channels);
        snprintf(reason, sizeof(reason), "the model takes %d channels", info->channels);
        return refuse_value(why, "input_shape", value, reason, SHAPE_SOLUTION);
    }
    return true;
}

bool compile_request_misnames(const struct compile_words *words, const struct compile_request *request,
                              struct coded_error *why) {
    const struct fscnn_compile_options own = {
        .pool = request->options.pool, .output_name = request->options.output_name, .exact = true};
    struct fscnn_model *model;
    struct fscnn_model_info info;
    struct fscnn_error ignored;
    if (!request->input_name[0] ||
        fscnn_compile(words->model ? words->model : words->om, &own, &model, &ignored) != FSCNN_OK) {
        return false;
    }
    fscnn_model_get_info(model, &info);
    bool misnames = !compile_request_fits(words, request, &info, why);
    fscnn_model_free(&model);
    return misnames;
}
