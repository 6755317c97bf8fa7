/* services/progress/store_failed.c -- which errors of MongoDB are transient. No state. */
#include <mongoc/mongoc.h>

#include "base/alloc.h"
#include "services/progress/store_parts.h"

/* An election, a member that ends, a network between members: the next try finds another primary
 * (MongoDB's error_codes.yml: NotPrimaryError, NetworkError, RetriableError). */
static const uint32_t passing[] = {
    6,     /* HostUnreachable */
    7,     /* HostNotFound */
    24,    /* LockTimeout */
    64,    /* WriteConcernFailed */
    89,    /* NetworkTimeout */
    91,    /* ShutdownInProgress */
    94,    /* NotYetInitialized */
    112,   /* WriteConflict */
    133,   /* FailedToSatisfyReadPreference */
    134,   /* ReadConcernMajorityNotAvailableYet */
    164,   /* InitialSyncActive */
    189,   /* PrimarySteppedDown */
    202,   /* NetworkInterfaceExceededTimeLimit */
    215,   /* DatabaseDropPending */
    216,   /* ElectionInProgress */
    237,   /* CursorKilled */
    262,   /* ExceededTimeLimit */
    264,   /* TooManyFilesOpen */
    9001,  /* SocketException */
    10058, /* LegacyNotPrimary */
    10107, /* NotWritablePrimary */
    11600, /* InterruptedAtShutdown */
    11601, /* Interrupted */
    11602, /* InterruptedDueToReplStateChange */
    13388, /* StaleConfig */
    13435, /* NotPrimaryNoSecondaryOk */
    13436, /* NotPrimaryOrSecondary */
    14031, /* OutOfDiskSpace */
};
#define MAX_TIME_EXPIRED 50

static bool passes(uint32_t code)
{
    for (size_t i = 0; i < LP_COUNT(passing); i++) {
        if (code == passing[i])
            return true;
    }
    return false;
}

static bool is_labelled(const bson_t *reply)
{
    return reply && (mongoc_error_has_label(reply, "RetryableWriteError") ||
                     mongoc_error_has_label(reply, "RetryableError") ||
                     mongoc_error_has_label(reply, "SystemOverloadedError") ||
                     mongoc_error_has_label(reply, "TransientTransactionError"));
}

static int code_of(const bson_t *reply, const bson_error_t *e)
{
    bool by_server = e->domain == MONGOC_ERROR_SERVER || e->domain == MONGOC_ERROR_WRITE_CONCERN;

    if (e->domain == MONGOC_ERROR_WRITE_CONCERN || (by_server && e->code == MAX_TIME_EXPIRED))
        return LP_E_TIMEOUT;
    if (!by_server || passes(e->code) || e->code == MONGOC_ERROR_PROTOCOL_ERROR ||
        is_labelled(reply))
        return LP_E_UNAVAILABLE;
    return LP_E_INVALID;
}

int store_failed(const char *what, const bson_t *reply, const bson_error_t *e, struct lp_error *err)
{
    return lp_error_set(err, code_of(reply, e), "%s: %s", what, e->message);
}

int store_cursor_result(const char *what, const mongoc_cursor_t *c, struct lp_error *err)
{
    const bson_t *reply = NULL;
    bson_error_t e;

    if (!mongoc_cursor_error_document((mongoc_cursor_t *)(uintptr_t)c, &e, &reply))
        return 0;
    return store_failed(what, reply, &e, err);
}
