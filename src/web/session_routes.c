/* SPDX-License-Identifier: Apache-2.0 */
/* Routes of the session and of one's own account. */
#include "center/users.h"
#include "web/api.h"

static void set_cookie(struct call *x, const char *token)
{
    http_add_header(x->response, "Set-Cookie", "%s=%s; Path=/; Secure; HttpOnly; SameSite=Strict%s",
                    SESSION_COOKIE_NAME, token, token[0] ? "" : "; Max-Age=0");
}

static bool open_session(struct call *x)
{
    char token[SESSION_TOKEN_SIZE];
    if (!session_open(x->context, x->body, http_header(x->request, "User-Agent"), token, x->out))
        return false;
    set_cookie(x, token);
    return true;
}

static bool show_session(struct call *x)
{
    return session_json(x->context, x->out);
}

static bool close_session(struct call *x)
{
    set_cookie(x, "");
    x->response->status = 204;
    return session_close(x->context);
}

static bool list_sessions(struct call *x)
{
    return account_sessions(x->context, x->out);
}

static bool end_session(struct call *x)
{
    x->response->status = 204;
    return account_session_end(x->context, x->numbers[0]);
}

static bool change_password(struct call *x)
{
    return account_password(x->context, x->body, x->out);
}

static bool begin_totp(struct call *x)
{
    return account_totp_begin(x->context, x->out);
}

static bool confirm_totp(struct call *x)
{
    return account_totp_confirm(x->context, x->body, x->out);
}

static bool remove_totp(struct call *x)
{
    x->response->status = 204;
    return account_totp_remove(x->context, x->body);
}

static bool update_account(struct call *x)
{
    return account_update(x->context, x->body, x->out);
}

static const struct route routes[] = {
    { "POST", "/api/session", ROLE_ANY, open_session, "Signs in", ROUTE_PUBLIC, 4096 },
    { "GET", "/api/session", ROLE_ANY, show_session, "Who is signed in", ROUTE_ANYWAY, 0 },
    { "DELETE", "/api/session", ROLE_ANY, close_session, "Signs out", ROUTE_ANYWAY, 0 },
    { "GET", "/api/account/sessions", ROLE_ANY, list_sessions, "Own sessions", 0, 0 },
    { "DELETE", "/api/account/sessions/{id}", ROLE_ANY, end_session, "Ends an own session", 0, 0 },
    { "POST", "/api/account/password", ROLE_ANY, change_password, "Changes the own password", ROUTE_ANYWAY,
      4096 },
    { "POST", "/api/account/totp", ROLE_ANY, begin_totp, "Makes a second factor", ROUTE_FACTOR, 4096 },
    { "POST", "/api/account/totp/confirm", ROLE_ANY, confirm_totp, "Puts it in force", ROUTE_FACTOR, 4096 },
    { "DELETE", "/api/account/totp", ROLE_ANY, remove_totp, "Removes it", 0, 4096 },
    { "PATCH", "/api/account", ROLE_ANY, update_account, "Sets the language", ROUTE_ANYWAY, 4096 },
};

const struct route_table session_routes = { routes, COUNT_OF(routes) };
