/* SPDX-License-Identifier: Apache-2.0 */
/* HTTPS to the centre, on libcurl. */
#include "sensor/uplink_http.h"

#include <curl/curl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define URL_MAX         512U
#define CONNECT_SECONDS 15L
#define REQUEST_SECONDS 600L
#define STALLED_OCTETS  200L /* a second, for STALLED_SECONDS: the link is dead */
#define STALLED_SECONDS 60L

struct uplink_http {
    CURL *curl;
    char url[URL_MAX];
    char failure[CURL_ERROR_SIZE];
    int stop_fd;
    struct text *reply;
};

bool uplink_url_is_good(const char *url)
{
    struct bytes rest = bytes_of_string(url);
    if (!bytes_starts_nocase(rest, BYTES_OF("https://")) || rest.size > 300)
        return false;
    rest = bytes_from(rest, 8);
    if (rest.size && rest.data[rest.size - 1] == '/')
        rest.size--;
    for (size_t i = 0; i < rest.size; i++)
        if (rest.data[i] <= ' ' || rest.data[i] >= 0x7f || memchr("/?#@\\\"", rest.data[i], 6))
            return false;
    return rest.size > 0;
}

/* libcurl hands over size * count octets; anything but that many returned ends the transfer. */
static size_t take_reply(char *data, size_t size, size_t count, void *context)
{
    struct uplink_http *http = context;
    if (http->reply->size + size * count > UPLINK_REPLY_MAX)
        return 0;
    text_put(http->reply, bytes_of(data, size * count));
    return http->reply->full ? 0 : size * count;
}

static int watch_stop(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    struct uplink_http *http = context;
    struct pollfd polled = { .fd = http->stop_fd, .events = POLLIN };
    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return http->stop_fd >= 0 && poll(&polled, 1, 0) > 0;
}

static bool set_options(struct uplink_http *http, const struct uplink_http_settings *s)
{
    CURL *c = http->curl;
    CURLcode bad = CURLE_OK;
#define SET(option, value) bad = bad ? bad : curl_easy_setopt(c, option, value)
    SET(CURLOPT_ERRORBUFFER, http->failure);
    SET(CURLOPT_PROTOCOLS_STR, "https");
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
    SET(CURLOPT_TIMEOUT, REQUEST_SECONDS);
    SET(CURLOPT_LOW_SPEED_LIMIT, STALLED_OCTETS);
    SET(CURLOPT_LOW_SPEED_TIME, STALLED_SECONDS);
    SET(CURLOPT_WRITEFUNCTION, take_reply);
    SET(CURLOPT_WRITEDATA, http);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_XFERINFOFUNCTION, watch_stop);
    SET(CURLOPT_XFERINFODATA, http);
    SET(CURLOPT_USERAGENT, "vonglau-sensor");
    /* The authority signs servers of this one centre and nothing else, and sensors' certificates are refused
     * as a server's by their extended key usage: the chain names the peer, whatever address it is reached by.
     */
    SET(CURLOPT_SSL_VERIFYHOST, 0L);
    SET(CURLOPT_SSL_VERIFYPEER, s->authority ? 1L : 0L);
    SET(CURLOPT_CAPATH, NULL);
    if (s->authority)
        SET(CURLOPT_CAINFO, s->authority);
    if (s->certificate) {
        SET(CURLOPT_SSLCERT, s->certificate);
        SET(CURLOPT_SSLKEY, s->key);
    }
    if (s->bytes_per_second)
        SET(CURLOPT_MAX_SEND_SPEED_LARGE, (curl_off_t)MIN(s->bytes_per_second, (uint64_t)INT64_MAX));
#undef SET
    return bad == CURLE_OK;
}

struct uplink_http *uplink_http_open(const struct uplink_http_settings *settings, struct error *error)
{
    if (!uplink_url_is_good(settings->url)) {
        error_set(error, "uplink: the centre's address must be https://host[:port], not %.200s",
                  settings->url);
        return NULL;
    }
    struct uplink_http *http = calloc(1, sizeof *http);
    if (http && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
        http->curl = curl_easy_init();
    if (!http || !http->curl ||
        (snprintf(http->url, sizeof http->url, "%s", settings->url), http->stop_fd = settings->stop_fd,
         !set_options(http, settings))) {
        uplink_http_close(http);
        error_set(error, "uplink: libcurl cannot be set up");
        return NULL;
    }
    size_t size = strlen(http->url);
    if (http->url[size - 1] == '/')
        http->url[size - 1] = '\0';
    return http;
}

void uplink_http_close(struct uplink_http *http)
{
    if (!http)
        return;
    curl_easy_cleanup(http->curl);
    free(http);
}

unsigned uplink_http_request(struct uplink_http *http, const char *path, struct bytes body, const char *type,
                             struct text *reply, struct error *error)
{
    char url[URL_MAX + 128], content[128];
    long status = 0;
    snprintf(url, sizeof url, "%s%s", http->url, path);
    snprintf(content, sizeof content, "Content-Type: %s", type ? type : "application/octet-stream");
    struct curl_slist *headers = curl_slist_append(NULL, content);
    headers = headers ? curl_slist_append(headers, "Expect:") : NULL;
    text_clear(reply);
    http->reply = reply;
    http->failure[0] = '\0';
    curl_easy_setopt(http->curl, CURLOPT_URL, url);
    if (body.data) {
        curl_easy_setopt(http->curl, CURLOPT_POST, 1L);
        curl_easy_setopt(http->curl, CURLOPT_POSTFIELDS, (const char *)body.data);
        curl_easy_setopt(http->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.size);
        curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, headers);
    } else {
        curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, NULL);
        curl_easy_setopt(http->curl, CURLOPT_HTTPGET, 1L);
    }
    CURLcode result = curl_easy_perform(http->curl);
    curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
    if (result == CURLE_OK)
        curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &status);
    else
        error_set(error, "%s%s: %s", http->url,
                  result == CURLE_PEER_FAILED_VERIFICATION
                      ? " is not the centre that this sensor enrolled with"
                      : "",
                  http->failure[0] ? http->failure : curl_easy_strerror(result));
    return status > 0 ? (unsigned)status : 0;
}
