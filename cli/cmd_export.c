/* fastscnn export: checkpoint -> ONNX. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "commands.h"
#include "json_output.h"

struct settings {
    const char *pth, *onnx, *shape;
    int batch, pool, opset;
    bool dynamic_batch, json, batch_given;
};

/* "1,3,1024,2048" or "1024x2048" (the batch of the former goes with --batch_size). -1 or an exit code. */
static int parse_shape(const struct command *command, struct settings *s, struct fscnn_export_options *out) {
    int n = 0, c = 0, used = 0;
    if (!s->shape) {
        return -1;
    }
    const char *text = strncmp(s->shape, "image:", 6) == 0 ? s->shape + 6 : s->shape;
    if (sscanf(text, "%9d,%9d,%9d,%9d%n", &n, &c, &out->height, &out->width, &used) == 4 && text[used] == '\0') {
        if (c != 3) {
            return usage_error(command, "--input_shape: %d channels; the network takes 3", c);
        }
        if (n == -1) {
            s->dynamic_batch = true;
        } else if (n < 1 || n > FSCNN_MAX_BATCH) {
            return usage_error(command, "--input_shape: batch %d is not between 1 and %d", n, FSCNN_MAX_BATCH);
        } else if (s->batch_given && n != s->batch) {
            return usage_error(command, "--input_shape has batch %d, --batch_size %d", n, s->batch);
        } else {
            s->batch = n;
        }
    } else if (sscanf(text, "%9d%*[x,]%9d%n", &out->height, &out->width, &used) != 2 || text[used] != '\0') {
        return usage_error(command, "--input_shape: '%s' is neither like 1,3,1024,2048 nor like 1024x2048", s->shape);
    }
    if (out->height < 1 || out->width < 1) {
        return usage_error(command, "--input_shape: %dx%d is no picture size", out->height, out->width);
    }
    return -1;
}

static int report(const struct settings *s, const struct fscnn_export_options *options, const char *path) {
    struct stat st;
    long long bytes = stat(path, &st) == 0 ? (long long)st.st_size : 0;
    int height = options->height ? options->height : 1024, width = options->width ? options->width : 2048;
    char batch[16] = "batch";
    if (!options->dynamic_batch) {
        snprintf(batch, sizeof(batch), "%d", options->batch_size);
    }
    if (s->json) {
        json_t *n = options->dynamic_batch ? json_string(batch) : json_integer(options->batch_size);
        return json_print(json_pack("{s:o, s:o, s:I, s:i, s:[o, i, i, i], s:s}", "pth", json_text(s->pth), "onnx",
                                    json_text(path), "bytes", (json_int_t)bytes, "opset", options->opset, "input_shape",
                                    n, 3, height, width, "pool", pool_choices[options->pool]));
    }
    printf("%s: %.2f MB, opset %d, image [%s, 3, %d, %d] -> output1, %s pooling\n", path, (double)bytes / 1e6,
           options->opset, batch, height, width, pool_choices[options->pool]);
    return EXIT_OK;
}

static int run(const struct command *command, int argc, char **argv) {
    struct settings s = {.batch = 1, .opset = 11};
    const struct option options[] = {
        {"pth_path", 0, OPTION_TEXT, &s.pth, "FILE", "checkpoint", .required = true},
        {"onnx_name", 0, OPTION_TEXT, &s.onnx, "NAME", "file to write; .onnx is added where it is missing",
         .required = true},
        {"batch_size", 0, OPTION_INT, &s.batch, "N", "batch of the ONNX input (default 1)", .low = 1,
         .high = FSCNN_MAX_BATCH, .given = &s.batch_given},
        {"dynamic_batch", 0, OPTION_FLAG, &s.dynamic_batch, NULL, "leave the batch open; it is called 'batch'"},
        {"input_shape", 0, OPTION_TEXT, &s.shape, "SHAPE", "1,3,H,W or HxW (default 1024x2048)"},
        {"pool", 0, OPTION_CHOICE, &s.pool, "KIND", "pyramid pooling fixed or adaptive (default fixed, the guide's)",
         pool_choices},
        {"opset", 0, OPTION_INT, &s.opset, "N", "ONNX operator set, 11 to 18 (default 11)", .low = 11, .high = 18},
        {"json", 0, OPTION_FLAG, &s.json, NULL, "print the result as JSON"},
    };
    int code = options_parse(command, options, sizeof(options) / sizeof(options[0]), argc, argv, NULL);
    struct fscnn_export_options export = {.pool = FSCNN_POOL_FIXED};
    code = code < 0 ? parse_shape(command, &s, &export) : code;
    if (code < 0 && base_name(s.onnx)[0] == '\0') {
        code = usage_error(command, "--onnx_name: '%s' names a folder, not a file", s.onnx);
    }
    if (code < 0 && s.dynamic_batch && s.batch_given) {
        code = usage_error(command, "--dynamic_batch and --batch_size exclude each other");
    }
    if (code >= 0) {
        return code;
    }
    static const char *const endings[] = {".onnx", NULL};
    struct fscnn_error err;
    char *path = NULL;
    if (asprintf(&path, "%s%s", s.onnx, ends_in(s.onnx, endings) ? "" : ".onnx") < 0) {
        return status_error(fail(&err, FSCNN_ERROR_MEMORY, "out of memory for a file name"), &err);
    }
    export.batch_size = s.batch;
    export.dynamic_batch = s.dynamic_batch;
    export.pool = (enum fscnn_pool)s.pool;
    export.opset = s.opset;
    enum fscnn_status status = fscnn_export_onnx(s.pth, path, &export, &err);
    code = status == FSCNN_OK ? report(&s, &export, path) : status_error(status, &err);
    free(path);
    return code;
}

const struct command command_export = {
    .name = "export",
    .arguments = "--pth_path CHECKPOINT --onnx_name NAME",
    .summary = "write a checkpoint as ONNX (input image, output output1)",
    .example = "  fastscnn export --pth_path fast_scnn.pth --onnx_name fast_scnn_bs1 --batch_size 1",
    .run = run,
};
