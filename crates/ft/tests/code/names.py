"""What a compiler would say of a Python program: names that nobody has defined, and those that nobody uses."""

import builtins
import symtable
import sys


def scopes(table):
    yield table
    for child in table.get_children():
        yield from scopes(child)


def uses(table, name):
    """Whether it is read in this scope or by a function in it."""
    if name in table.get_identifiers() and table.lookup(name).is_referenced():
        return True
    inner = (child for child in table.get_children() if name in child.get_identifiers())
    return any(child.lookup(name).is_free() and uses(child, name) for child in inner)


file = sys.argv[1]
with open(file, encoding="utf-8") as program:
    text = program.read()
compile(text, file, "exec")
module = symtable.symtable(text, file, "exec")
defined = {symbol.get_name() for symbol in module.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
used = set()
for table in scopes(module):
    for symbol in table.get_symbols():
        name = symbol.get_name()
        if symbol.is_global() or table is module:
            if symbol.is_referenced():
                used.add(name)
                if name not in defined and not hasattr(builtins, name) and not name.startswith("__"):
                    print(f"{file}: {name} is not defined")
        elif table.get_type() == "function" and symbol.is_local() and symbol.is_assigned():
            if not symbol.is_parameter() and not name.startswith("_") and not uses(table, name):
                print(f"{file}: {name} in {table.get_name()} is not used")
for name in sorted(defined - used):
    print(f"{file}: {name} is not used")
