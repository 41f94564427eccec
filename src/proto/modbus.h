/* SPDX-License-Identifier: Apache-2.0 */
/* Modbus transactions, for the rule keyword `modbus`. */
#ifndef VONGLAU_PROTO_MODBUS_H
#define VONGLAU_PROTO_MODBUS_H

#include "base/bytes.h"

enum {
    MODBUS_READ = 1,
    MODBUS_WRITE = 2,
    MODBUS_DISCRETES = 4,
    MODBUS_COILS = 8,
    MODBUS_INPUT = 16,
    MODBUS_HOLDING = 32,
    MODBUS_SINGLE = 64,
    MODBUS_MULTIPLE = 128,
};

enum {
    MODBUS_ASSIGNED = 1,
    MODBUS_UNASSIGNED = 2,
    MODBUS_USER = 4,
    MODBUS_RESERVED = 8,
};

/* What the data of a message was taken for. */
enum modbus_shape {
    MODBUS_EMPTY,
    MODBUS_RAW,
    MODBUS_READ_REQUEST,
    MODBUS_READ_DATA,
    MODBUS_WRITE_WORD, /* one address and one word: a value, or a quantity in responses */
    MODBUS_WRITE_MANY, /* quantity and data */
    MODBUS_WRITE_MASK, /* masks */
    MODBUS_READ_WRITE, /* a read request and many writes */
    MODBUS_DIAGNOSTIC, /* `code` and data */
    MODBUS_MEI,        /* `code` and data */
    MODBUS_EXCEPTION,  /* `code` */
};

/* Parts of an address space. */
struct modbus_span {
    uint16_t address, quantity;
};

struct modbus_message {
    bool present;
    uint16_t transaction, protocol;
    uint8_t unit, function; /* with the bit of exceptions */
    uint8_t access, category, errors;
    enum modbus_shape shape;
    uint16_t code;
    struct modbus_span read, write;
    uint16_t word; /* MODBUS_WRITE_WORD */
    uint16_t and_mask, or_mask;
    struct bytes data;
};

struct modbus {
    struct modbus_message request, response;
};

#endif
