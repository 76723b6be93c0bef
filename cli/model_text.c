#include "model_text.h"

static const char *const precisions[] = {"fp32", "bf16", "int8"};

static const char *batches_text(const struct fscnn_model_info *info, char *text, size_t size) {
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < info->num_batch_sizes && used < size; i++) {
        used += (size_t)snprintf(text + used, size - used, "%s%d", i ? "," : "", info->batch_sizes[i]);
    }
    return text;
}

void model_print(const struct fscnn_model *model) {
    struct fscnn_model_info info;
    char batches[FSCNN_MAX_BATCH_SIZES * 4 + 1];
    fscnn_model_get_info(model, &info);
    printf("input        %s float32 [n, %d, %d, %d] or uint8 RGB, n = %s\n", info.input_name, info.channels,
           info.height, info.width, batches_text(&info, batches, sizeof(batches)));
    if (info.output_is_labels) {
        printf("output       %s uint8 labels [n, %d, %d]\n", info.output_name, info.output_height, info.output_width);
    } else {
        printf("output       %s float32 [n, %d, %d, %d], float16 or uint8 labels\n", info.output_name, info.classes,
               info.output_height, info.output_width);
    }
    printf("precision    %s, %s kernels here\n", precisions[info.precision], fscnn_cpu_isa());
    printf("weights      %llu parameters, %.2f MB packed\n", (unsigned long long)info.parameters,
           (double)info.weight_bytes / 1e6);
    printf("memory       %.2f MB of activations a session, %.2f MB of row buffers a thread\n",
           (double)info.activation_bytes / 1e6, (double)info.scratch_bytes / 1e6);
    printf("work         %.3f GMAC an image\n", (double)info.macs / 1e9);
}

static json_t *steps_json(const struct fscnn_model *model) {
    json_t *steps = json_array();
    for (int i = 0; i < fscnn_model_num_steps(model); i++) {
        struct fscnn_step_info step;
        fscnn_model_get_step(model, i, &step);
        json_array_append_new(steps,
                              json_pack("{s:i, s:o, s:s, s:I, s:I, s:b, s:b, s:b}", "step", i, "name",
                                        json_text(step.name), "precision", precisions[step.precision], "macs",
                                        (json_int_t)step.macs, "bytes", (json_int_t)step.bytes, "reads_image",
                                        step.reads_image, "writes_result", step.writes_result, "waits", step.waits));
    }
    return steps;
}

json_t *model_json(const struct fscnn_model *model) {
    struct fscnn_model_info info;
    fscnn_model_get_info(model, &info);
    json_t *batches = json_array(), *description = json_array(), *memory = json_array();
    for (int i = 0; i < info.num_batch_sizes; i++) {
        json_array_append_new(batches, json_integer(info.batch_sizes[i]));
    }
    fscnn_model_describe(model, json_log(description));
    fscnn_model_describe_memory(model, json_log(memory));
    return json_pack("{s:o, s:{s:o, s:[i, i, i]}, s:{s:o, s:[i, i, i], s:b}, s:o, s:s, s:I, s:I, s:I, s:I, s:I, s:o, "
                     "s:{s:o, s:o}}",
                     "name", json_text(info.name), "input", "name", json_text(info.input_name), "shape", info.channels,
                     info.height, info.width, "output", "name", json_text(info.output_name), "shape", info.classes,
                     info.output_height, info.output_width, "labels", info.output_is_labels, "batch_sizes", batches,
                     "precision", precisions[info.precision], "parameters", (json_int_t)info.parameters, "macs",
                     (json_int_t)info.macs, "weight_bytes", (json_int_t)info.weight_bytes, "activation_bytes",
                     (json_int_t)info.activation_bytes, "scratch_bytes_per_thread", (json_int_t)info.scratch_bytes,
                     "steps", steps_json(model), "text", "steps", description, "memory_plan", memory);
}
