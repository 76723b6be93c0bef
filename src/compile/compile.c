/* File -> model: read, import, rewrite, lower, pack. */
#include "compile/compile.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "compile/calibrate.h"
#include "compile/sensitivity.h"
#include "compile/split_choice.h"
#include "import/import.h"
#include "passes/passes.h"
#include "plan/model.h"

static enum fscnn_status import_file(const char *path, const struct fscnn_compile_options *options, struct graph **out,
                                     struct fscnn_error *err) {
    const struct import_options import = {
        .height = options->height,
        .width = options->width,
        .pool = options->pool,
        .output_name = options->output_name,
        .log = options->log,
    };
    struct file_map file;
    enum fscnn_status status = file_map_open(path, &file, err);
    if (status != FSCNN_OK) {
        return status;
    }
    if (!file_is_checkpoint(file.data, file.size)) {
        status = import_onnx(file.data, file.size, path, &import, out, err);
    } else {
        struct checkpoint checkpoint;
        status = checkpoint_open(path, &checkpoint, err);
        if (status == FSCNN_OK) {
            status = import_fast_scnn(&checkpoint, &import, out, err);
            checkpoint_close(&checkpoint);
        }
    }
    file_map_close(&file);
    return status;
}

/* The batch sizes asked for, sorted, else the file's own. */
static enum fscnn_status set_batch_sizes(const struct fscnn_compile_options *options, const struct graph *graph,
                                         struct plan *plan, struct fscnn_error *err) {
    plan->num_batch_sizes = 1;
    plan->batch_sizes[0] = graph->batch > 0 ? graph->batch : 1;
    if (options->num_batch_sizes > FSCNN_MAX_BATCH_SIZES) {
        return error_set(err, FSCNN_ERROR_USAGE, "more than %d batch sizes", FSCNN_MAX_BATCH_SIZES);
    }
    for (int i = 0; i < options->num_batch_sizes; i++) {
        int size = options->batch_sizes[i], at = i;
        if (size < 1 || size > FSCNN_MAX_BATCH) {
            return error_set(err, FSCNN_ERROR_USAGE, "batch size %d is not between 1 and %d", size, FSCNN_MAX_BATCH);
        }
        for (; at > 0 && plan->batch_sizes[at - 1] > size; at--) {
            plan->batch_sizes[at] = plan->batch_sizes[at - 1];
        }
        if (at > 0 && plan->batch_sizes[at - 1] == size) {
            return error_set(err, FSCNN_ERROR_USAGE, "batch size %d twice", size);
        }
        plan->batch_sizes[at] = size;
        plan->num_batch_sizes = i + 1;
    }
    return FSCNN_OK;
}

/* What int8 needs to know of the nodes. */
struct quantisation {
    struct arena arena;
    struct quant quants[GRAPH_MAX_NODES];
    uint8_t types[GRAPH_MAX_NODES];
};

static enum fscnn_status look_at_pictures(const struct graph *graph, const struct fscnn_compile_options *options,
                                          struct quantisation *out, struct fscnn_error *err) {
    struct samples samples;
    enum fscnn_status status = samples_list(options->calibration, options->calibration_limit, &samples, err);
    if (status != FSCNN_OK) {
        return status;
    }
    memset(out->types, ELEM_U8, sizeof(out->types));
    status = calibrate(graph, &samples, options->calibration_method, &out->arena, out->quants, err);
    if (status == FSCNN_OK) {
        log_line(options->log, "calibrated on %d of %d pictures of %s", samples.count, samples.listed,
                 options->calibration);
    }
    if (status == FSCNN_OK && (options->accuracy_budget > 0 || options->sensitivity.layer)) {
        status = sensitivity_choose(graph, options, &samples, out->quants, out->types, err);
    }
    samples_free(&samples);
    return status;
}

/* How to lower for the precision asked for; int8 looks at pictures first. */
static enum fscnn_status choose_lowering(const struct graph *graph, const struct fscnn_compile_options *options,
                                         struct quantisation *memory, struct lower_options *out,
                                         struct fscnn_error *err) {
    *out = (struct lower_options){.type = ELEM_F32, .log = options->log};
    if (options->precision == FSCNN_BF16) {
        out->type = ELEM_BF16;
    } else if (options->precision == FSCNN_INT8) {
        out->types = memory->types;
        out->quants = memory->quants;
        return look_at_pictures(graph, options, memory, err);
    }
    return FSCNN_OK;
}

static enum fscnn_status compile_graph(struct graph *graph, const char *path,
                                       const struct fscnn_compile_options *options, struct fscnn_model **out,
                                       struct fscnn_error *err) {
    struct plan plan = {0};
    struct pack pack = {0};
    struct lower_options lowering;
    struct quantisation *memory = calloc(1, sizeof(*memory));
    enum fscnn_status status =
        memory ? passes_run(graph, options->log, err) : error_memory(err, sizeof(*memory), "calibration");
    if (status == FSCNN_OK) {
        status = choose_lowering(graph, options, memory, &lowering, err);
    }
    if (status == FSCNN_OK) {
        status = lower(graph, &lowering, &plan, &pack, err);
    }
    if (status == FSCNN_OK && options->precision == FSCNN_FP32 && !options->exact) {
        split_choose(graph, &plan, options->log);
    }
    if (memory) {
        arena_free(&memory->arena);
    }
    free(memory);
    if (status == FSCNN_OK) {
        plan.precision = (int32_t)options->precision;
        plan.name = text_make_printable(arena_strdup(&plan.arena, path_base(path)));
        status = set_batch_sizes(options, graph, &plan, err);
    }
    if (status != FSCNN_OK) {
        arena_free(&plan.arena);
        free(pack.bytes);
        return status;
    }
    return model_create(&plan, (struct file_map){0}, pack.bytes, out, err);
}

static enum fscnn_status check_options(const struct fscnn_compile_options *options, struct fscnn_error *err) {
    if ((unsigned)options->precision > FSCNN_INT8 || (unsigned)options->pool > FSCNN_POOL_ADAPTIVE ||
        (unsigned)options->calibration_method > FSCNN_CALIBRATION_ENTROPY) {
        return error_set(err, FSCNN_ERROR_USAGE, "precision %d, pooling %d, calibration method %d: out of range",
                         (int)options->precision, (int)options->pool, (int)options->calibration_method);
    }
    if (options->precision == FSCNN_INT8 && !options->calibration) {
        return error_set(err, FSCNN_ERROR_USAGE, "int8 needs pictures to calibrate on: name a folder of them");
    }
    if (!(options->accuracy_budget >= 0 && options->accuracy_budget <= 100)) {
        return error_set(err, FSCNN_ERROR_USAGE, "an accuracy budget of %g %%: 0 to 100", options->accuracy_budget);
    }
    if (options->calibration_limit < 0 || options->calibration_limit > 128) {
        return error_set(err, FSCNN_ERROR_USAGE, "%d pictures to calibrate on: 1 to 128", options->calibration_limit);
    }
    if (options->height < 0 || options->width < 0 || options->height > GRAPH_MAX_SIDE ||
        options->width > GRAPH_MAX_SIDE) {
        return error_set(err, FSCNN_ERROR_USAGE, "an input of %d x %d", options->height, options->width);
    }
    return FSCNN_OK;
}

enum fscnn_status fscnn_compile(const char *path, const struct fscnn_compile_options *options, struct fscnn_model **out,
                                struct fscnn_error *err) {
    static const struct fscnn_compile_options defaults;
    struct graph *graph = NULL;
    options = options ? options : &defaults;
    *out = NULL;
    enum fscnn_status status = check_options(options, err);
    if (status == FSCNN_OK) {
        status = import_file(path, options, &graph, err);
    }
    if (status != FSCNN_OK) {
        return status;
    }
    status = compile_graph(graph, path, options, out, err);
    graph_free(&graph);
    return status == FSCNN_OK ? status : error_prefix(err, status, "%s", path);
}
