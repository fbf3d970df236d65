/* The inner loops of maps.h for bfloat16, 32 numbers at a time, where a processor has AVX512_BF16; numbers too small for
   a normal float are rounded to 0. A last step leaves out what lies behind `count`. Where there is a `scale`, what was
   rectified is computed once more instead of read. */
#include <immintrin.h>

typedef struct {
    __m512 low, high;
} floats;

static inline __mmask32 up_to(size count) { return count >= 32 ? 0xffffffff : ((__mmask32)1 << count) - 1; }

static inline floats get(const uint16_t *x, __mmask32 wanted) {
    __m512i both = _mm512_maskz_loadu_epi16(wanted, x);
    __m512i low = _mm512_cvtepu16_epi32(_mm512_castsi512_si256(both));
    __m512i high = _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(both, 1));
    return (floats){_mm512_castsi512_ps(_mm512_slli_epi32(low, 16)), _mm512_castsi512_ps(_mm512_slli_epi32(high, 16))};
}

static inline floats get_floats(const float *x, __mmask32 wanted) {
    return (floats){_mm512_maskz_loadu_ps((__mmask16)wanted, x), _mm512_maskz_loadu_ps((__mmask16)(wanted >> 16), x + 16)};
}

static inline void put(uint16_t *x, __mmask32 wanted, floats v) {
    _mm512_mask_storeu_epi16(x, wanted, (__m512i)_mm512_cvtne2ps_pbh(v.high, v.low));
}

static inline void put_floats(float *x, __mmask32 wanted, floats v) {
    _mm512_mask_storeu_ps(x, (__mmask16)wanted, v.low);
    _mm512_mask_storeu_ps(x + 16, (__mmask16)(wanted >> 16), v.high);
}

static inline floats fused(floats a, floats b, floats c) {
    return (floats){_mm512_fmadd_ps(a.low, b.low, c.low), _mm512_fmadd_ps(a.high, b.high, c.high)};
}

static inline floats plus(floats a, floats b) {
    return (floats){_mm512_add_ps(a.low, b.low), _mm512_add_ps(a.high, b.high)};
}

static inline floats minus(floats a, floats b) {
    return (floats){_mm512_sub_ps(a.low, b.low), _mm512_sub_ps(a.high, b.high)};
}

/* v where `out` is not at most 0, so also where it is NaN. */
static inline floats where_positive(floats out, floats v) {
    __m512 zero = _mm512_setzero_ps();
    return (floats){_mm512_maskz_mov_ps(_mm512_cmp_ps_mask(out.low, zero, _CMP_NLE_UQ), v.low),
                    _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(out.high, zero, _CMP_NLE_UQ), v.high)};
}

#define ROWS 4 /* which CHUNK is a multiple of */
#define EACH(count) for (size k = 0; k < (count); k += 32)
#define WANTED __mmask32 wanted = up_to(count - k)

static inline void add_inputs_bfloat16(const uint16_t *x, const float *centre, float *s, float *q, size count,
                                       size n_rows) {
    EACH(count) {
        WANTED;
        floats middle = get_floats(centre + k, wanted), sum = get_floats(s + k, wanted), squares = get_floats(q + k, wanted);
        for (size row = 0; row < n_rows; row++) {
            floats d = minus(get(x + row * count + k, wanted), middle);
            sum = plus(sum, d);
            squares = fused(d, d, squares);
        }
        put_floats(s + k, wanted, sum);
        put_floats(q + k, wanted, squares);
    }
}

static inline void normalise_row_bfloat16(const uint16_t *x, const uint16_t *addend, uint16_t *y, const float *scale,
                                          const float *shift, size count, size rectify) {
    EACH(count) {
        WANTED;
        floats v = fused(get(x + k, wanted), get_floats(scale + k, wanted), get_floats(shift + k, wanted));
        if (addend) v = plus(v, get(addend + k, wanted));
        put(y + k, wanted, rectify ? where_positive(v, v) : v);
    }
}

static inline void add_gradients_bfloat16(const uint16_t *dy, const uint16_t *y, const uint16_t *x, uint16_t *g,
                                          const float *mean, const float *scale, const float *shift, float *s,
                                          float *q, size count, size n_rows) {
    EACH(count) {
        WANTED;
        floats middle = get_floats(mean + k, wanted), sum = get_floats(s + k, wanted), products = get_floats(q + k, wanted);
        for (size row = 0, at = k; row < n_rows; row++, at += count) {
            floats v = get(dy + at, wanted), in = get(x + at, wanted);
            if (scale)
                v = where_positive(fused(in, get_floats(scale + k, wanted), get_floats(shift + k, wanted)), v);
            else if (y)
                v = where_positive(get(y + at, wanted), v);
            if (y && g) put(g + at, wanted, v);
            sum = plus(sum, v);
            products = fused(v, minus(in, middle), products);
        }
        put_floats(s + k, wanted, sum);
        put_floats(q + k, wanted, products);
    }
}

static inline void gradient_row_bfloat16(const uint16_t *dy, const uint16_t *y, const uint16_t *x, const uint16_t *carried,
                                         uint16_t *dx, const float *scale, const float *shift, const float *a,
                                         const float *b, const float *d, size count) {
    EACH(count) {
        WANTED;
        floats v = get(dy + k, wanted), in = get(x + k, wanted);
        if (scale)
            v = where_positive(fused(in, get_floats(scale + k, wanted), get_floats(shift + k, wanted)), v);
        else if (y)
            v = where_positive(get(y + k, wanted), v);
        floats rest = fused(get_floats(b + k, wanted), in, get_floats(d + k, wanted));
        v = fused(get_floats(a + k, wanted), v, rest);
        put(dx + k, wanted, carried ? plus(v, get(carried + k, wanted)) : v);
    }
}
