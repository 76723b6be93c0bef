/* Half and bfloat16 conversion, element access. */
#include <math.h>

#include "tensor/tensor.h"
#include "testing.h"

/* Every half becomes a float and back the same half; neighbours' midpoints go to the even one. */
static void test_half(void **state) {
    (void)state;
    for (uint32_t h = 0; h < 0x10000; h++) {
        float value = half_to_float((uint16_t)h);
        if (isnan(value)) {
            assert_true(isnan(half_to_float(float_to_half(value))));
            continue;
        }
        assert_int_equal(float_to_half(value), h);
        if ((h & 0x7fff) < 0x7bff) {
            float next = half_to_float((uint16_t)(h + 1));
            assert_int_equal(float_to_half((value + next) / 2), h & 1 ? h + 1 : h);
        }
    }
    assert_int_equal(float_to_half(65520.0F), 0x7c00);
    assert_int_equal(float_to_half(65519.9F), 0x7bff);
    assert_int_equal(float_to_half(1e-10F), 0);
}

static void test_bfloat16(void **state) {
    (void)state;
    assert_int_equal(float_to_bfloat16(1.0F), 0x3f80);
    assert_int_equal(float_to_bfloat16(1.00390625F), 0x3f80); /* halfway: even */
    assert_int_equal(float_to_bfloat16(1.01171875F), 0x3f82);
    assert_true(isnan(bfloat16_to_float(float_to_bfloat16(NAN))));
    assert_int_equal(float_to_bfloat16(-INFINITY), 0xff80);
}

static void test_access(void **state) {
    (void)state;
    int64_t longs[] = {-5, INT64_MAX};
    uint16_t halves[] = {0x3c00, 0xc000};
    float out[2];
    char text[32];
    struct tensor t = {.dtype = DTYPE_I64, .rank = 1, .shape = {2}, .data = longs};
    assert_true(tensor_get_int(&t, 1) == INT64_MAX);
    assert_true(tensor_get_double(&t, 0) == -5.0);
    t = (struct tensor){.dtype = DTYPE_F16, .rank = 2, .shape = {1, 2}, .data = halves};
    tensor_to_f32(&t, out);
    assert_true(out[0] == 1.0F && out[1] == -2.0F);
    assert_string_equal(tensor_shape_text(&t, text, sizeof(text)), "[1, 2]");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_half),
        cmocka_unit_test(test_bfloat16),
        cmocka_unit_test(test_access),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
