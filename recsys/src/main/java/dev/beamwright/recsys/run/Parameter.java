package dev.beamwright.recsys.objective;

import dev.beamwright.recsys.run.DidYouMean;
import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.UserError;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A parameter of an objective: a component of its record, which is a number, a boolean or an enum.
 *
 * @param key its name on the command line, such as {@code prefix-tau} for the component {@code prefixTau}
 * @param component its name in the record and in JSON
 * @param type of its values
 * @param help what it means
 */
public record Parameter(String key, String component, Class<?> type, String help) {
    /** The parameters of an objective. */
    public static List<Parameter> of(Objective objective) {
        return Arrays.stream(objective.getClass().getRecordComponents()).map(Parameter::of).toList();
    }

    private static Parameter of(RecordComponent c) {
        String key = c.getName().replaceAll("([A-Z])", "-$1").toLowerCase(Locale.ROOT);
        Help help = c.getAnnotation(Help.class);
        return new Parameter(key, c.getName(), c.getType(), help == null ? "" : help.value());
    }

    /** The values of an objective's parameters by key, as {@link #set} reads them. */
    public static Map<String, String> values(Objective objective) {
        JsonNode tree = Json.mapper().valueToTree(objective);
        Map<String, String> values = new LinkedHashMap<>();
        for (Parameter p : of(objective)) values.put(p.key, text(tree.path(p.component)));
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
     * An objective with other values. Throws a {@link UserError} for a key that the objective does not have, a value that
     * cannot be read or is out of range, and a parameter that has no effect beside the others.
     *
     * @param given values by key
     */
    public static <T extends Objective> T set(T objective, Map<String, String> given) {
        Map<String, Parameter> known =
                of(objective).stream().collect(Collectors.toMap(Parameter::key, p -> p, (a, _) -> a, LinkedHashMap::new));
        ObjectNode tree = Json.mapper().valueToTree(objective);
        given.forEach((key, value) -> {
            Parameter p = known.get(key);
            if (p == null) {
                throw new UserError("-P " + key + "=" + value + ": " + objective.name() + " has no parameter '" + key + "'"
                        + DidYouMean.among(known.keySet(), key)
                        + (known.isEmpty() ? " (it has none)" : " (it has " + String.join(", ", known.keySet()) + ")"));
            }
            tree.set(p.component, p.read(value));
        });
        T changed = read(tree, objective);
        given.forEach((key, value) -> {
            String why = changed.idle(key);
            if (why != null) throw new UserError("-P " + key + "=" + value + ": has no effect " + why + "; leave it out");
        });
        return changed;
    }

    @SuppressWarnings("unchecked")
    private static <T extends Objective> T read(ObjectNode tree, T like) {
        try {
            return (T) Json.mapper().treeToValue(tree, like.getClass());
        } catch (JacksonException e) {
            for (Throwable t = e; t != null; t = t.getCause()) if (t instanceof UserError refused) throw refused;
            throw e;
        }
    }

    private JsonNode read(String value) {
        var nodes = Json.mapper().getNodeFactory();
        try {
            if (type == double.class) return nodes.numberNode(Double.parseDouble(value));
            if (type == int.class) return nodes.numberNode(Integer.parseInt(value));
        } catch (NumberFormatException e) {
            throw new UserError("-P " + key + "=" + value + ": give a number" + (type == int.class ? " without a fraction" : ""),
                    e);
        }
        List<String> choices = choices();
        if (!choices.contains(value.toLowerCase(Locale.ROOT))) {
            throw new UserError("-P " + key + "=" + value + ": choose from " + String.join(", ", choices));
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

    /** Refuses a value: {@code range} completes "must be". */
    static void require(boolean holds, String objective, String key, String range, double value) {
        if (holds) return;
        throw new UserError(objective + ": " + key + " must be " + range + ", got " + text(value));
    }
}
