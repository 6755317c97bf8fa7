/*
 * argon2id costs 19 MiB for some tens of milliseconds. That memory comes from mmap and goes back
 * with munmap: malloc's mmap threshold grows with the first free of such a block, and later blocks
 * would stay in the heap of a pod that is measured by its resident size. libsodium, where it is
 * there, computes the same in two thirds of the time (AVX2, SSSE3). Any thread.
 */
#include "services/auth/passwords/password.h"

#include <argon2.h>
#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#ifdef LP_SODIUM
#include <sodium.h>
#endif
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "services/auth/passwords/pace.h"
#include "services/auth/passwords/phc.h"

const char *const password_settings[] = {
    "auto", "argon2id", "argon2id-46m", "argon2id-12m", "argon2id-9m", "argon2id-7m", NULL
};
/* Beside password_settings, from its second on. */
static const struct password_params settings_params[] = {
    { 19456, 2 }, { 47104, 1 }, { 12288, 3 }, { 9216, 4 }, { 7168, 5 }
};

struct password_params password_params_of(const char *setting, double cpu_quota)
{
    for (size_t i = 0; i < LP_COUNT(settings_params); i++)
        if (strcmp(password_settings[i + 1], setting) == 0)
            return settings_params[i];
    if (cpu_quota <= 0 || cpu_quota >= 1)
        return settings_params[0];
    return settings_params[cpu_quota >= 0.5 ? 3 : 4];
}

static int take_memory(uint8_t **ret_memory, size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return ARGON2_MEMORY_ALLOCATION_ERROR;
    madvise(p, size, MADV_HUGEPAGE); /* fewer page faults, where the system has them */
    *ret_memory = p;
    return ARGON2_OK;
}

static void give_memory(uint8_t *memory, size_t size)
{
    munmap(memory, size);
}

/* Fills p->hash, p->hash_len bytes, from the salt and parameters in `p`. */
static int derive_portably(struct phc *p, const char *password, struct lp_error *err)
{
    lp_auto_free char *copy = lp_strdup(password); /* argon2_ctx wants it writable */
    argon2_context context = {
        .out = p->hash,
        .outlen = (uint32_t)p->hash_len,
        .pwd = (uint8_t *)copy,
        .pwdlen = (uint32_t)strlen(copy),
        .salt = p->salt,
        .saltlen = (uint32_t)p->salt_len,
        .t_cost = p->passes,
        .m_cost = p->memory_kib,
        .lanes = p->lanes,
        .threads = 1,
        .version = ARGON2_VERSION_13,
        .allocate_cbk = take_memory,
        .free_cbk = give_memory,
    };
    pace_begin();
    int r = argon2_ctx(&context, Argon2_id);
    pace_end();
    OPENSSL_cleanse(copy, strlen(copy));
    if (r != ARGON2_OK)
        return lp_error_set(err, LP_E_INTERNAL, "argon2id: %s", argon2_error_message(r));
    return 0;
}

#ifdef LP_SODIUM
/* One lane and a salt of 16 bytes, as all hashes of ours have. Its memory comes from mmap too. */
static bool derive_fast(struct phc *p, const char *password)
{
    if (p->lanes != 1 || p->salt_len != crypto_pwhash_SALTBYTES || sodium_init() < 0)
        return false;
    pace_begin();
    int r = crypto_pwhash(p->hash, p->hash_len, password, strlen(password), p->salt, p->passes,
                          (size_t)p->memory_kib * 1024, crypto_pwhash_ALG_ARGON2ID13);
    pace_end();
    return r == 0; /* else libargon2 says what is wrong */
}
#endif

static int derive(struct phc *p, const char *password, struct lp_error *err)
{
#ifdef LP_SODIUM
    if (derive_fast(p, password))
        return 0;
#endif
    return derive_portably(p, password, err);
}

/* With a new salt, and no hash yet. */
static int begin(const struct password_params *params, struct phc *ret, struct lp_error *err)
{
    *ret = (struct phc){ .memory_kib = params->memory_kib,
                         .passes = params->passes,
                         .lanes = 1,
                         .salt_len = 16,
                         .hash_len = 32 };
    if (RAND_bytes(ret->salt, (int)ret->salt_len) != 1)
        return lp_error_set(err, LP_E_INTERNAL, "no random bytes for a salt");
    return 0;
}

static int write_hash(const struct phc *p, char ret_hash[PASSWORD_HASH_MAX], struct lp_error *err)
{
    if (!phc_write(p, ret_hash, PASSWORD_HASH_MAX))
        return lp_error_set(err, LP_E_INTERNAL, "argon2id: the hash is over %d bytes",
                            PASSWORD_HASH_MAX);
    return 0;
}

int password_of_nobody(const struct password_params *params, char ret_hash[PASSWORD_HASH_MAX],
                       struct lp_error *err)
{
    struct phc p;

    int r = begin(params, &p, err);
    if (r == 0 && RAND_bytes(p.hash, (int)p.hash_len) != 1)
        return lp_error_set(err, LP_E_INTERNAL, "no random bytes for a hash");
    return r == 0 ? write_hash(&p, ret_hash, err) : r;
}

int password_hash(const struct password_params *params, const char *password,
                  char ret_hash[PASSWORD_HASH_MAX], struct lp_error *err)
{
    struct phc p;

    int r = begin(params, &p, err);
    if (r == 0)
        r = derive(&p, password, err);
    return r == 0 ? write_hash(&p, ret_hash, err) : r;
}

/* No more of a password counts; libcrypt refuses one of 512 bytes, which others hash. */
#define BCRYPT_BYTES 72

static bool is_bcrypt(const char *hash)
{
    return hash[0] == '$' && hash[1] == '2' && hash[2] && strchr("aby", hash[2]) &&
           hash[3] == '$' && strlen(hash) == 60;
}

static int verify_bcrypt(const char *hash, const char *password, bool *ret_matches,
                         struct lp_error *err)
{
    int cost = (hash[4] - '0') * 10 + hash[5] - '0';
    if (cost < 4 || cost > 14)
        return lp_error_set(err, LP_E_INVALID, "stored bcrypt hash: cost must be 4..14");
    lp_auto_free struct crypt_data *data = lp_alloc(sizeof *data);
    char first[BCRYPT_BYTES + 1];
    snprintf(first, sizeof first, "%s", password);
    pace_begin();
    const char *made = crypt_r(first, hash, data);
    pace_end();
    OPENSSL_cleanse(first, sizeof first);
    size_t n = strlen(hash);
    if (!made || strlen(made) != n)
        return lp_error_set(err, LP_E_INVALID, "stored bcrypt hash: libcrypt does not read it");
    *ret_matches = CRYPTO_memcmp(made, hash, n) == 0;
    OPENSSL_cleanse(data, sizeof *data);
    return 0;
}

int password_verify(const char *hash, const char *password, bool *ret_matches, struct lp_error *err)
{
    struct phc stored;
    if (is_bcrypt(hash))
        return verify_bcrypt(hash, password, ret_matches, err);
    if (!phc_read(hash, &stored))
        return lp_error_set(err, LP_E_INVALID, "stored hash: neither argon2id nor bcrypt");
    struct phc made = stored;
    int r = derive(&made, password, err);
    if (r < 0)
        return r;
    *ret_matches = CRYPTO_memcmp(made.hash, stored.hash, stored.hash_len) == 0;
    return 0;
}

bool password_is_outdated(const struct password_params *params, const char *hash)
{
    struct phc p;
    return !phc_read(hash, &p) || p.memory_kib != params->memory_kib ||
           p.passes != params->passes || p.lanes != 1;
}
