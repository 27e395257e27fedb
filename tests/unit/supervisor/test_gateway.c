/* SPDX-License-Identifier: Apache-2.0 */
/* Listeners for gateways: none without a proof. */
#include "../scratch.h"

#include "../../../broker/gateway_key.h"
#include "../../../broker/supervisor/gateway.h"

static struct config_gateway
on_socket(const char *path, const char *user, const char *group)
{
    return (struct config_gateway){.socket = (char *)(uintptr_t)path,
                                   .user = {(char *)(uintptr_t)user},
                                   .user_count = user != NULL,
                                   .group = (char *)(uintptr_t)group};
}

static void
test_a_socket(void **state)
{
    struct listener listener;
    struct fault fault = {0};
    struct stat status;
    char number[16], path[160];
    (void)state;
    strcpy(path, test_path("g.sock"));
    snprintf(number, sizeof number, "%u", (unsigned)getgid());
    struct config_gateway nobody = on_socket(path, "nobody-at-all", NULL);
    assert_int_equal(gateway_open(&nobody, test_directory, &listener, &fault), KH_ERR_CONFIG);
    assert_says(fault, "there is no user");
    assert_int_not_equal(access(path, F_OK), 0);
    struct config_gateway no_group = on_socket(path, NULL, "no-such-group");
    assert_int_equal(gateway_open(&no_group, test_directory, &listener, &fault), KH_ERR_CONFIG);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(gateway_check(&no_group, test_directory, &fault), KH_ERR_CONFIG);

    struct config_gateway nowhere = on_socket("/nowhere/at/all/g.sock", "4242", NULL);
    assert_int_equal(gateway_check(&nowhere, test_directory, &fault), KH_ERR_CONFIG);
    assert_says(fault, "the directory of the socket, /nowhere/at/all: No such file");
    struct config_gateway device = on_socket("/dev/null/g.sock", "4242", NULL);
    assert_int_equal(gateway_check(&device, test_directory, &fault), KH_ERR_CONFIG);
    struct config_gateway root = on_socket("/g.sock", "4242", NULL);
    assert_int_equal(gateway_check(&root, test_directory, &fault), KH_OK);

    struct config_gateway users = on_socket(path, "4242", NULL);
    assert_int_equal(gateway_open(&users, test_directory, &listener, &fault), KH_OK);
    assert_true(listener.gateway.only && listener.local);
    assert_int_equal(listener.gateway.uid_count, 1);
    assert_int_equal(listener.gateway.uid[0], 4242);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0666);
    listener_close(&listener);

    struct config_gateway group = on_socket(path, NULL, number);
    assert_int_equal(gateway_open(&group, test_directory, &listener, &fault), KH_OK);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0660);
    assert_int_equal(status.st_gid, getgid());
    assert_int_equal(listener.gateway.uid_count, 0);
    listener_close(&listener);
}

static void
test_an_address(void **state)
{
    struct config_gateway config = {.listener.address = (char *)(uintptr_t) "127.0.0.1:0"};
    struct listener listener;
    struct fault fault = {0};
    struct gateway_keys keys = {0};
    uint8_t hash[GATEWAY_KEY_HASH_SIZE];
    (void)state;
    assert_int_equal(gateway_open(&config, test_directory, &listener, &fault), KH_ERR_NOT_FOUND);
    assert_says(fault, "keyholed gateway key");
    assert_int_equal(gateway_check(&config, test_directory, &fault), KH_ERR_NOT_FOUND);
    assert_int_equal(gateway_keys_add(&keys, &fault), KH_OK);
    assert_int_equal(gateway_keys_write(test_directory, &keys, &fault), KH_OK);
    assert_int_equal(gateway_check(&config, test_directory, &fault), KH_OK);
    assert_int_equal(gateway_open(&config, test_directory, &listener, &fault), KH_OK);
    assert_true(listener.gateway.only && !listener.local);
    assert_int_equal(listener.gateway.key_count, 1);
    gateway_key_hash(keys.text[0], hash);
    assert_memory_equal(listener.gateway.key_hash[0], hash, sizeof hash);
    BUFFER_AUTO line;
    buffer_init(&line, 1024);
    listener_ready_line(&listener, 1, "a", "", &line);
    assert_non_null(strstr(buffer_text(&line), "ready admin=a gateway=127.0.0.1:"));
    listener_close(&listener);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_socket),
        cmocka_unit_test(test_an_address),
    };
    return cmocka_run_group_tests_name("gateway", tests, directory_setup, directory_teardown);
}
