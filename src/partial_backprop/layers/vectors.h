/* The inner loops of maps.h for bfloat16, 32 numbers at a time, where a processor has AVX512_BF16; numbers too small for
   a normal float are rounded to 0. A last step leaves out what lies behind `count`. Where there is a `scale`, what was
   rectified is computed once more instead of read. */
#include <immintrin.h>

/* 32 numbers: those of even places and those of odd ones, since a bfloat16 is the upper half of a float. Vectors of
   floats, with a multiple of 32, lie in the same order: `arrange`. */
typedef struct {
    __m512 even, odd;
} floats;

static inline __mmask32 up_to(size count) { return count >= 32 ? 0xffffffff : ((__mmask32)1 << count) - 1; }

static inline floats get(const uint16_t *x, __mmask32 wanted) {
    __m512i both = _mm512_maskz_loadu_epi16(wanted, x);
    return (floats){_mm512_castsi512_ps(_mm512_slli_epi32(both, 16)),
                    _mm512_castsi512_ps(_mm512_and_si512(both, _mm512_set1_epi32((int)0xffff0000)))};
}

static inline void put(uint16_t *x, __mmask32 wanted, floats v) {
    const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5,
                                           20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    __m512i halves = (__m512i)_mm512_cvtne2ps_pbh(v.odd, v.even);
    _mm512_mask_storeu_epi16(x, wanted, _mm512_permutexvar_epi16(order, halves));
}

static inline floats only(floats v, __mmask32 wanted) {
    return (floats){_mm512_maskz_mov_ps((__mmask16)_pext_u32(wanted, 0x55555555), v.even),
                    _mm512_maskz_mov_ps((__mmask16)_pext_u32(wanted, 0xaaaaaaaa), v.odd)};
}

static inline floats get_floats(const float *x) { return (floats){_mm512_loadu_ps(x), _mm512_loadu_ps(x + 16)}; }

static inline void put_floats(float *x, floats v) {
    _mm512_storeu_ps(x, v.even);
    _mm512_storeu_ps(x + 16, v.odd);
}

static void arrange_bfloat16(float *vector, size period) {
    for (size at = 0; at < period; at += 32) {
        float before[32];
        memcpy(before, vector + at, sizeof before);
        for (size k = 0; k < 16; k++) vector[at + k] = before[2 * k], vector[at + 16 + k] = before[2 * k + 1];
    }
}

/* The other way round, for sums. */
static void restore_bfloat16(double *vector, size period) {
    for (size at = 0; at < period; at += 32) {
        double before[32];
        memcpy(before, vector + at, sizeof before);
        for (size k = 0; k < 16; k++) vector[at + 2 * k] = before[k], vector[at + 2 * k + 1] = before[16 + k];
    }
}

static inline floats fused(floats a, floats b, floats c) {
    return (floats){_mm512_fmadd_ps(a.even, b.even, c.even), _mm512_fmadd_ps(a.odd, b.odd, c.odd)};
}

static inline floats plus(floats a, floats b) {
    return (floats){_mm512_add_ps(a.even, b.even), _mm512_add_ps(a.odd, b.odd)};
}

static inline floats minus(floats a, floats b) {
    return (floats){_mm512_sub_ps(a.even, b.even), _mm512_sub_ps(a.odd, b.odd)};
}

/* v where `out` is not at most 0, so also where it is NaN. */
static inline floats where_positive(floats out, floats v) {
    __m512 zero = _mm512_setzero_ps();
    return (floats){_mm512_maskz_mov_ps(_mm512_cmp_ps_mask(out.even, zero, _CMP_NLE_UQ), v.even),
                    _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(out.odd, zero, _CMP_NLE_UQ), v.odd)};
}

#define ROWS 4 /* which CHUNK is a multiple of */
#define EACH(count) for (size k = 0; k < (count); k += 32)
#define WANTED __mmask32 wanted = up_to(count - k)

static inline void add_inputs_bfloat16(const uint16_t *x, const float *centre, float *s, float *q, size count,
                                       size n_rows) {
    EACH(count) {
        WANTED;
        floats middle = only(get_floats(centre + k), wanted), sum = get_floats(s + k), squares = get_floats(q + k);
        for (size row = 0; row < n_rows; row++) {
            floats d = minus(get(x + row * count + k, wanted), middle);
            sum = plus(sum, d);
            squares = fused(d, d, squares);
        }
        put_floats(s + k, sum);
        put_floats(q + k, squares);
    }
}

static inline void normalise_row_bfloat16(const uint16_t *x, const uint16_t *addend, uint16_t *y, const float *scale,
                                          const float *shift, size count, size rectify) {
    EACH(count) {
        WANTED;
        floats v = fused(get(x + k, wanted), get_floats(scale + k), get_floats(shift + k));
        if (addend) v = plus(v, get(addend + k, wanted));
        put(y + k, wanted, rectify ? where_positive(v, v) : v);
    }
}

static inline void add_gradients_bfloat16(const uint16_t *dy, const uint16_t *y, const uint16_t *x, uint16_t *g,
                                          const float *mean, const float *scale, const float *shift, float *s,
                                          float *q, size count, size n_rows) {
    EACH(count) {
        WANTED;
        floats middle = get_floats(mean + k), sum = get_floats(s + k), products = get_floats(q + k);
        for (size row = 0, at = k; row < n_rows; row++, at += count) {
            floats v = get(dy + at, wanted), in = get(x + at, wanted);
            if (scale)
                v = where_positive(fused(in, get_floats(scale + k), get_floats(shift + k)), v);
            else if (y)
                v = where_positive(get(y + at, wanted), v);
            if (y && g) put(g + at, wanted, v);
            sum = plus(sum, v);
            products = fused(v, minus(in, middle), products);
        }
        put_floats(s + k, sum);
        put_floats(q + k, products);
    }
}

static inline void gradient_row_bfloat16(const uint16_t *dy, const uint16_t *y, const uint16_t *x, const uint16_t *carried,
                                         uint16_t *dx, const float *scale, const float *shift, const float *a,
                                         const float *b, const float *d, size count) {
    EACH(count) {
        WANTED;
        floats v = get(dy + k, wanted), in = get(x + k, wanted);
        if (scale)
            v = where_positive(fused(in, get_floats(scale + k), get_floats(shift + k)), v);
        else if (y)
            v = where_positive(get(y + k, wanted), v);
        floats rest = fused(get_floats(b + k), in, get_floats(d + k));
        v = fused(get_floats(a + k), v, rest);
        put(dx + k, wanted, carried ? plus(v, get(carried + k, wanted)) : v);
    }
}
