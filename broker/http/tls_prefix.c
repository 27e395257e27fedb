/* SPDX-License-Identifier: Apache-2.0
 *
 * A filter BIO with what came before it was there.
 */
#include "tls_prefix.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct tls_prefix {
    struct buffer bytes; // secret: what a client sent
    size_t at;
};

static int
prefix_read(BIO *bio, char *out, int size)
{
    struct tls_prefix *prefix = BIO_get_data(bio);
    size_t left = prefix->bytes.n - prefix->at;

    BIO_clear_retry_flags(bio);
    if (size <= 0)
        return 0;
    if (left == 0) {
        int r = BIO_read(BIO_next(bio), out, size);
        BIO_copy_next_retry(bio);
        return r;
    }
    size_t n = left < (size_t)size ? left : (size_t)size;
    memcpy(out, prefix->bytes.p + prefix->at, n);
    prefix->at += n;
    return (int)n;
}

static int
prefix_write(BIO *bio, const char *data, int size)
{
    BIO_clear_retry_flags(bio);
    int r = BIO_write(BIO_next(bio), data, size);
    BIO_copy_next_retry(bio);
    return r;
}

static long
prefix_control(BIO *bio, int command, long number, void *pointer)
{
    // A copy would read the prefix a second time.
    if (command == BIO_CTRL_DUP || BIO_next(bio) == NULL)
        return 0;
    long r = BIO_ctrl(BIO_next(bio), command, number, pointer);
    if (command == BIO_CTRL_PENDING) {
        const struct tls_prefix *prefix = BIO_get_data(bio);
        r += (long)(prefix->bytes.n - prefix->at);
    }
    return r;
}

static int
prefix_destroy(BIO *bio)
{
    struct tls_prefix *prefix = BIO_get_data(bio);

    if (prefix)
        buffer_free(&prefix->bytes);
    free(prefix);
    BIO_set_data(bio, NULL);
    return 1;
}

// Made once; a process has one, for all its life.
static BIO_METHOD *method;
static int type; // of it

static BIO_METHOD *
prefix_method(void)
{
    if (method)
        return method;
    type = BIO_get_new_index() | BIO_TYPE_FILTER;
    BIO_METHOD *made = BIO_meth_new(type, "prefix");
    if (made && BIO_meth_set_read(made, prefix_read) == 1 &&
        BIO_meth_set_write(made, prefix_write) == 1 &&
        BIO_meth_set_ctrl(made, prefix_control) == 1 &&
        BIO_meth_set_destroy(made, prefix_destroy) == 1)
        method = made;
    else
        BIO_meth_free(made);
    return method;
}

BIO *
tls_prefix_new(struct bytes bytes, BIO *next)
{
    BIO *bio = next && prefix_method() ? BIO_new(method) : NULL;
    struct tls_prefix *prefix = bio ? calloc(1, sizeof *prefix) : NULL;

    if (prefix) {
        buffer_init_secret(&prefix->bytes, bytes.n ? bytes.n : 1);
        buffer_put(&prefix->bytes, bytes);
        BIO_set_data(bio, prefix);
        BIO_set_init(bio, 1);
    }
    if (prefix == NULL || prefix->bytes.failed) {
        BIO_free(bio);
        BIO_free_all(next);
        return NULL;
    }
    return BIO_push(bio, next);
}

BIO *
tls_prefix_passed(BIO *bio)
{
    if (!method || BIO_method_type(bio) != type)
        return bio;
    const struct tls_prefix *prefix = BIO_get_data(bio);
    return prefix->at == prefix->bytes.n ? BIO_next(bio) : bio;
}
