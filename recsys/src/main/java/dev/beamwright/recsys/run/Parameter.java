package dev.beamwright.recsys.run;

import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A parameter that {@code -P KEY=VALUE} sets: a component of a record that has {@link Help}, and is a number, a boolean or
 * an enum.
 *
 * @param key its name on the command line, such as {@code prefix-tau} for the component {@code prefixTau}
 * @param component its name in the record and in JSON
 * @param type of its values
 * @param help what it means
 */
public record Parameter(String key, String component, Class<?> type, String help) {
    /** The parameters of a record. */
    public static List<Parameter> of(Parameterized record) {
        List<Parameter> all = new ArrayList<>();
        for (RecordComponent c : record.getClass().getRecordComponents()) {
            Help help = c.getAnnotation(Help.class);
            if (help == null) continue;
            String key = c.getName().replaceAll("([A-Z])", "-$1").toLowerCase(Locale.ROOT);
            all.add(new Parameter(key, c.getName(), c.getType(), help.value()));
        }
        return all;
    }

    /** The values of a record's parameters by key, as {@link #set} reads them. */
    public static Map<String, String> values(Parameterized record) {
        JsonNode tree = Json.mapper().valueToTree(record);
        Map<String, String> values = new LinkedHashMap<>();
        for (Parameter p : of(record)) values.put(p.key, text(tree.path(p.component)));
        return values;
    }

    private static String text(JsonNode value) {
        return value.isFloatingPointNumber() ? text(value.asDouble()) : value.asString().toLowerCase(Locale.ROOT);
    }

    /** A number in short: 1, 0.25, 5e-4. */
    public static String text(double number) {
        String s = Double.toString(number).replace("E", "e").replace(".0e", "e");
        return s.endsWith(".0") ? s.substring(0, s.length() - 2) : s;
    }

    /**
     * A record with other values. Throws a {@link UserError} for a key that the record does not have, a value that cannot
     * be read or is out of range, and a parameter that has no effect beside the others.
     *
     * @param name of the record, for errors
     * @param prefix before each key on the command line, for errors
     * @param given values by key, without the prefix
     */
    public static <T extends Parameterized> T set(T record, String name, String prefix, Map<String, String> given) {
        Map<String, Parameter> known = new LinkedHashMap<>();
        for (Parameter p : of(record)) known.put(p.key, p);
        ObjectNode tree = Json.mapper().valueToTree(record);
        given.forEach((key, value) -> {
            Parameter p = known.get(key);
            String place = "-P " + prefix + key + "=" + value + ": ";
            if (p == null) {
                throw new UserError(place + name + " has no parameter '" + key + "'"
                        + DidYouMean.among(known.keySet(), key)
                        + (known.isEmpty() ? " (it has none)" : " (it has " + String.join(", ", known.keySet()) + ")"));
            }
            tree.set(p.component, p.read(place, value));
        });
        T changed = read(tree, record);
        given.forEach((key, value) -> {
            String why = changed.idle(key);
            if (why == null) return;
            throw new UserError("-P " + prefix + key + "=" + value + ": has no effect " + why + "; leave it out");
        });
        return changed;
    }

    @SuppressWarnings("unchecked")
    private static <T> T read(ObjectNode tree, T like) {
        try {
            return (T) Json.mapper().treeToValue(tree, like.getClass());
        } catch (JacksonException e) {
            for (Throwable t = e; t != null; t = t.getCause()) if (t instanceof UserError refused) throw refused;
            throw e;
        }
    }

    private JsonNode read(String place, String value) {
        var nodes = Json.mapper().getNodeFactory();
        try {
            if (type == double.class) return nodes.numberNode(Double.parseDouble(value));
            if (type == int.class) return nodes.numberNode(Integer.parseInt(value));
        } catch (NumberFormatException e) {
            throw new UserError(place + "give a number" + (type == int.class ? " without a fraction" : ""), e);
        }
        List<String> choices = choices();
        if (!choices.contains(value.toLowerCase(Locale.ROOT))) {
            throw new UserError(place + "choose from " + String.join(", ", choices));
        }
        return type == boolean.class
                ? nodes.booleanNode(value.equalsIgnoreCase("true"))
                : nodes.stringNode(value.toUpperCase(Locale.ROOT));
    }

    /** The values that it can have, unless it is a number. */
    public List<String> choices() {
        if (type == boolean.class) return List.of("true", "false");
        return type.isEnum()
                ? Arrays.stream(type.getEnumConstants()).map(c -> c.toString().toLowerCase(Locale.ROOT)).toList()
                : List.of();
    }

    /** A table of a record's parameters: key, value, meaning and choices. */
    public static String table(Parameterized record, String prefix) {
        List<List<String>> rows = new ArrayList<>();
        Map<String, String> values = values(record);
        for (Parameter p : of(record)) {
            String choices = p.choices().isEmpty() ? "" : " (" + String.join(", ", p.choices()) + ")";
            rows.add(List.of("  " + prefix + p.key, values.get(p.key), p.help + choices));
        }
        return TextTable.of(rows, 3);
    }

    /** Refuses a value: {@code range} completes "must be". */
    public static void require(boolean holds, String name, String key, String range, double value) {
        if (!holds) throw new UserError(name + ": " + key + " must be " + range + ", got " + text(value));
    }
}
