/* test/fake/preload/known_name.c -- preloaded into a program: its resolver knows one more name, as
 * in KNOWN_NAME=other-adapter.monitoring.svc=192.0.2.7, which only a cluster's DNS would know. */
#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

static const char *address_of(const char *name)
{
    const char *known = getenv("KNOWN_NAME"), *equals = known ? strchr(known, '=') : NULL;
    size_t n = equals ? (size_t)(equals - known) : 0;
    return name && n > 0 && strlen(name) == n && memcmp(known, name, n) == 0 ? equals + 1 : name;
}

int getaddrinfo(const char *restrict name, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict ret_found)
{
    static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

    if (!real) {
        void *found = dlsym(RTLD_NEXT, "getaddrinfo");
        *(void **)&real = found;
    }
    return real(address_of(name), service, hints, ret_found);
}
