/* What is in a file, without compiling it: fscnn_file_describe. */
#include "import/fast_scnn.h"

static void describe_tensors(const struct checkpoint *checkpoint, struct fscnn_log log) {
    uint64_t elements = 0, bytes = 0;
    for (int i = 0; i < checkpoint->num_tensors; i++) {
        const struct tensor *tensor = &checkpoint->tensors[i];
        elements += tensor_count(tensor);
        bytes += tensor_count(tensor) * dtype_size(tensor->dtype);
    }
    log_line(log, "%s: PyTorch checkpoint (%s): %d tensors, %llu elements, %llu bytes", checkpoint->name,
             checkpoint->container, checkpoint->num_tensors, (unsigned long long)elements, (unsigned long long)bytes);
    if (checkpoint->num_others) {
        log_line(log, "%d entries of its state_dict are not tensors", checkpoint->num_others);
    }
    for (int i = 0; i < checkpoint->num_tensors; i++) {
        const struct tensor *tensor = &checkpoint->tensors[i];
        char shape[192];
        log_line(log, "  %-60s %-8s %s", tensor->name, dtype_name(tensor->dtype),
                 tensor_shape_text(tensor, shape, sizeof(shape)));
    }
}

enum fscnn_status checkpoint_describe(const char *path, struct fscnn_log log, struct fscnn_error *err) {
    struct checkpoint checkpoint;
    enum fscnn_status status = checkpoint_open(path, &checkpoint, err);
    if (status != FSCNN_OK) {
        return status;
    }
    describe_tensors(&checkpoint, log);
    struct fast_scnn_summary summary;
    struct fscnn_error reason = {""};
    if (fast_scnn_check(&checkpoint, &summary, &reason) == FSCNN_OK) {
        log_line(log, "Fast-SCNN: %d classes, %llu weights in use", summary.classes,
                 (unsigned long long)summary.elements);
        log_line(log, "not needed for inference: %d tensors of auxiliary heads, %d num_batches_tracked counters",
                 summary.left_out_auxiliary, summary.left_out_counters);
    } else {
        log_line(log, "cannot be compiled: %s", reason.text);
    }
    checkpoint_close(&checkpoint);
    return FSCNN_OK;
}

enum fscnn_status fscnn_file_describe(const char *path, struct fscnn_log log, struct fscnn_error *err) {
    struct file_map file;
    enum fscnn_status status = file_map_open(path, &file, err);
    if (status != FSCNN_OK) {
        return status;
    }
    if (file_is_checkpoint(file.data, file.size)) {
        status = checkpoint_describe(path, log, err);
    } else {
        status = onnx_describe(file.data, file.size, path, log, err);
    }
    file_map_close(&file);
    return status;
}
