/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets: what is refused, what is left alone, what the ready line says. */
#include "../scratch.h"

#include "../../../broker/supervisor/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/un.h>

#define CONFIG(text)                                                                               \
    {                                                                                              \
        .address = (char *)(uintptr_t)(text)                                                       \
    }

static void
bad_addresses(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        ":",
        "8437",
        "127.0.0.1",
        "127.0.0.1:",
        ":8437",
        "::1:8437",
        "[::1]",
        "[]:1",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "127.0.0.1:+1",
        "127.0.0.1: 1",
        "127.0.0.1:08437",
        "127.0.0.1:1x",
        "localhost:1",
        "127.1:1",
        "0x7f.0.0.1:1",
        "[127.0.0.1]:1:2",
        "[::1%lo]:1",
        "127.0.0.1:999999999999",
        "[1:2:3:4:5:6:7:8:9:a:b:c:d:e:f:1:2:3:4:5:6:7:8:9:0]:1",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct sockaddr_storage address;
        socklen_t size;
        struct fault fault = {0};
        if (listener_parse_address(bad[i], &address, &size, &fault) == KH_OK)
            fail_msg("\"%s\" was accepted", bad[i]);
        assert_true(fault.detail[0] != '\0');
    }
}

static void
good_addresses(void **state)
{
    (void)state;
    struct sockaddr_storage address;
    socklen_t size;
    assert_int_equal(listener_parse_address("127.0.0.1:8437", &address, &size, NULL), KH_OK);
    assert_int_equal(address.ss_family, AF_INET);
    assert_int_equal(((struct sockaddr_in *)&address)->sin_port, htons(8437));
    assert_true(listener_is_loopback(&address));
    assert_int_equal(listener_parse_address("[::1]:0", &address, &size, NULL), KH_OK);
    assert_int_equal(address.ss_family, AF_INET6);
    assert_true(listener_is_loopback(&address));
    assert_int_equal(listener_parse_address("0.0.0.0:65535", &address, &size, NULL), KH_OK);
    assert_false(listener_is_loopback(&address));
    assert_int_equal(listener_parse_address("[::ffff:127.0.0.1]:1", &address, &size, NULL), KH_OK);
    assert_false(listener_is_loopback(&address));
}

static void
plain_on_a_network(void **state)
{
    (void)state;
    struct fault fault = {0};
    struct config_listener plain = CONFIG("0.0.0.0:0");
    struct listener listener;
    assert_int_equal(listener_check(&plain, &fault), KH_ERR_CONFIG);
    assert_says(fault, "plain HTTP on a network");
    assert_int_equal(listener_open_tcp(&plain, &listener, &fault), KH_ERR_CONFIG);
    plain.insecure = true;
    assert_int_equal(listener_check(&plain, &fault), KH_OK);
    plain.insecure = false;
    plain.tls = true;
    assert_int_equal(listener_check(&plain, &fault), KH_OK);
}

static void
certificate_files(void **state)
{
    (void)state;
    struct fault fault = {0};
    struct config_listener config = CONFIG("127.0.0.1:0");
    char certificate[160], key[160];
    strcpy(certificate, test_path("cert.pem"));
    strcpy(key, test_path("key.pem"));
    config.tls = true;
    config.certificate = certificate;
    assert_int_equal(listener_check(&config, &fault), KH_ERR_CONFIG);
    config.key = key;
    assert_int_equal(listener_check(&config, &fault), KH_ERR_IO);
    assert_says(fault, "cert.pem");
    write_file("cert.pem", "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n", 0644);
    write_file("key.pem", "-----BEGIN EC PRIVATE KEY-----\nAA==\n-----END EC PRIVATE KEY-----\n",
               0600);
    struct listener listener;
    assert_int_equal(listener_check(&config, &fault), KH_ERR_SYNTAX);
    assert_int_equal(listener_open_tcp(&config, &listener, &fault), KH_ERR_SYNTAX);
    assert_says(fault, "certificate cannot be read");
    config.tls = false;
    assert_int_equal(listener_check(&config, &fault), KH_ERR_CONFIG);
}

static void
a_port_of_its_own(void **state)
{
    (void)state;
    struct fault fault = {0};
    struct config_listener config = CONFIG("127.0.0.1:0");
    struct listener listener, again;
    assert_int_equal(listener_open_tcp(&config, &listener, &fault), KH_OK);
    assert_string_equal(listener.config.address, "127.0.0.1:0");
    assert_memory_equal(listener.name, "127.0.0.1:", 10);
    assert_string_not_equal(listener.name, "127.0.0.1:0");
    assert_int_equal(fcntl(listener.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    config.address = listener.name;
    assert_int_equal(listener_open_tcp(&config, &again, &fault), KH_ERR_IO);
    assert_says(fault, listener.name);
    assert_says(fault, "in use");
    listener_close(&listener);
    assert_int_equal(listener.fd, -1);
}

static int
connect_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int r = connect(fd, (const struct sockaddr *)&address, sizeof(address));
    close(fd);
    return r;
}

// What a client does not read stays with whoever sends it, who sees then that it stands still.
static void
answers_that_nobody_reads(void **state)
{
    (void)state;
    static const uint8_t piece[65536];
    struct config_listener config = CONFIG("127.0.0.1:0");
    struct listener listener;
    struct sockaddr_in address;
    socklen_t size = sizeof(address);
    size_t taken = 0;
    assert_int_equal(listener_open_tcp(&config, &listener, NULL), KH_OK);
    assert_int_equal(getsockname(listener.fd, (struct sockaddr *)&address, &size), 0);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), small = 1024;
    assert_int_equal(setsockopt(client, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
    assert_int_equal(connect(client, (struct sockaddr *)&address, size), 0);
    int fd = accept4(listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(fd >= 0);
    for (ssize_t n; (n = send(fd, piece, sizeof(piece), MSG_NOSIGNAL)) > 0;)
        taken += (size_t)n;
    assert_int_equal(errno, EAGAIN);
    if (taken > (size_t)LISTENER_UNSENT_MAX + 262144)
        fail_msg("the kernel took %zu bytes for a client that reads nothing", taken);
    close(fd);
    close(client);
    listener_close(&listener);
}

static void
unix_socket(void **state)
{
    (void)state;
    struct fault fault = {0};
    struct listener listener, second;
    struct stat status;
    char path[160];
    strcpy(path, test_path("a.sock"));
    mode_t before = umask(0);
    assert_int_equal(listener_open_unix(path, &listener, &fault), KH_OK);
    assert_int_equal(umask(before), 0); // and the umask is as it was
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(connect_unix(path), 0);
    assert_int_equal(listener_open_unix(path, &second, &fault), KH_ERR_EXISTS);
    assert_says(fault, "in use");
    assert_int_equal(connect_unix(path), 0);
    listener_close(&listener);
    assert_int_equal(stat(path, &status), -1);
}

static void
stale_socket_is_removed(void **state)
{
    (void)state;
    struct fault fault = {0};
    struct listener listener;
    char path[160];
    strcpy(path, test_path("stale.sock"));
    assert_int_equal(listener_open_unix(path, &listener, &fault), KH_OK);
    close(listener.fd); // as a broker that was killed leaves it
    listener.fd = -1;
    listener_close(&listener);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(listener_open_unix(path, &listener, &fault), KH_OK);
    assert_int_equal(connect_unix(path), 0);
    listener_close(&listener);
}

static void
what_is_no_socket_stays(void **state)
{
    (void)state;
    struct fault fault = {0};
    struct listener listener;
    write_file("precious", "data", 0600);
    assert_int_equal(listener_open_unix(test_path("precious"), &listener, &fault), KH_ERR_EXISTS);
    assert_says(fault, "not a socket");
    assert_int_equal(access(test_path("precious"), F_OK), 0);
    assert_int_equal(symlink(test_path("precious"), test_path("link")), 0);
    assert_int_equal(listener_open_unix(test_path("link"), &listener, &fault), KH_ERR_EXISTS);
    assert_int_equal(listener_open_unix("/proc/none/x.sock", &listener, &fault), KH_ERR_IO);
    char deep[160];
    snprintf(deep, sizeof(deep), "/tmp/%0120d", 1);
    assert_int_equal(listener_open_unix(deep, &listener, &fault), KH_ERR_TOO_LONG);
    assert_says(fault, "107 bytes");
}

static void
ready_line(void **state)
{
    (void)state;
    struct listener listener[] = {
        {.name = (char *)(uintptr_t) "127.0.0.1:8437"},
        {.name = (char *)(uintptr_t) "10.0.0.1:8443", .config.tls = true},
        {.name = (char *)(uintptr_t) "[::1]:8437"},
        {.name = (char *)(uintptr_t) "/s/proxy.sock", .local = true},
    };
    struct buffer line;
    buffer_init(&line, 1024);
    listener_ready_line(listener, 4, "/s/admin.sock", "", &line);
    assert_string_equal(buffer_text(&line),
                        "ready http=127.0.0.1:8437,[::1]:8437 https=10.0.0.1:8443 "
                        "admin=/s/admin.sock unix=/s/proxy.sock\n");
    buffer_clear(&line);
    listener_ready_line(listener + 1, 1, "/s/admin.sock", "", &line);
    assert_string_equal(buffer_text(&line), "ready https=10.0.0.1:8443 admin=/s/admin.sock\n");
    buffer_clear(&line);
    listener_ready_line(NULL, 0, "/s/admin.sock", "http://localhost:8438", &line);
    assert_string_equal(buffer_text(&line),
                        "ready admin=/s/admin.sock discharger=http://localhost:8438\n");
    buffer_free(&line);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_addresses),
        cmocka_unit_test(good_addresses),
        cmocka_unit_test(plain_on_a_network),
        cmocka_unit_test(certificate_files),
        cmocka_unit_test(a_port_of_its_own),
        cmocka_unit_test(answers_that_nobody_reads),
        cmocka_unit_test(unix_socket),
        cmocka_unit_test(stale_socket_is_removed),
        cmocka_unit_test(what_is_no_socket_stays),
        cmocka_unit_test(ready_line),
    };
    return cmocka_run_group_tests(tests, directory_setup, directory_teardown);
}
