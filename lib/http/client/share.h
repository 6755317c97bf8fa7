/* lib/http/client/share.h -- what several clients of one peer have in common. */
#pragma once

/*
 * TLS sessions: the second client resumes the session of the first one, so that certificates are
 * not sent and checked again (RFC 8446, 2.2). All its clients have the same certificates in their
 * options. The clients keep it alive; any thread.
 */
struct lp_http_share;
struct lp_http_share *lp_http_share_new(void);
void lp_http_share_free(struct lp_http_share *s); /* NULL is fine */
