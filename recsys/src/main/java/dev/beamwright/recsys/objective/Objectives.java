package dev.beamwright.recsys.objective;

import com.fasterxml.jackson.annotation.JsonTypeInfo;
import dev.beamwright.recsys.run.DidYouMean;
import dev.beamwright.recsys.run.Parameter;
import dev.beamwright.recsys.run.UserError;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import tools.jackson.databind.DatabindContext;
import tools.jackson.databind.JavaType;
import tools.jackson.databind.jsontype.impl.TypeIdResolverBase;

/** All objectives, with their default values, in the order in which help lists them. */
public final class Objectives {
    /** Those of this module; and those that are found as services, see {@link Objective}. */
    public static final List<Objective> ALL = withServices(
            new CrossEntropy(),
            new Msl(),
            new ApaoPointwise(),
            new ApaoPairwise(),
            new Bear(),
            new Sft(),
            new Grpo(),
            new Rerank(),
            new Ugr(),
            new Dpo(),
            new SDpo());

    private Objectives() {}

    private static List<Objective> withServices(Objective... own) {
        var services = StreamSupport.stream(ServiceLoader.load(Objective.class).spliterator(), false);
        return Stream.concat(Stream.of(own), services).toList();
    }

    /** The objective of this name with its default values. Throws a {@link UserError} if there is none. */
    public static Objective named(String name) {
        for (Objective o : ALL) if (o.name().equals(name)) return o;
        throw new UserError("there is no objective '" + name + "'" + DidYouMean.among(names(), name)
                + " (there are " + String.join(", ", names()) + ")");
    }

    /** The objective of this name, which learns from targets. */
    public static TargetObjective target(String name) {
        if (named(name) instanceof TargetObjective o) return o;
        throw new UserError("objective " + name + " learns from rollouts, not from targets");
    }

    /** The objective of this name, which learns from rollouts. */
    public static RolloutObjective rollouts(String name) {
        if (named(name) instanceof RolloutObjective o) return o;
        throw new UserError("objective " + name + " learns from targets, not from rollouts");
    }

    /** The names of all. */
    public static List<String> names() {
        return ALL.stream().map(Objective::name).toList();
    }

    /** The values that a paper chose for an objective. Throws a {@link UserError} if there are none of that name. */
    public static Preset preset(Objective objective, String name) {
        for (Preset p : objective.presets()) if (p.name().equals(name)) return p;
        List<String> known = objective.presets().stream().map(Preset::name).toList();
        throw new UserError("--objective-preset " + name + ": no paper has values of that name for " + objective.name()
                + DidYouMean.among(known, name)
                + (known.isEmpty() ? " (there are none)" : " (there are " + String.join(", ", known) + ")"));
    }

    /** An objective with other values of its parameters, see {@link Parameter#set}. */
    public static <T extends Objective> T with(T objective, Map<String, String> parameters) {
        return Parameter.set(objective, objective.name(), "", parameters);
    }

    /** In a few words: the name, and the parameters that do not have their default values. */
    public static String describe(Objective objective) {
        var usual = Parameter.values(named(objective.name()));
        var text = new StringBuilder(objective.name());
        Parameter.values(objective).forEach((key, value) -> {
            if (!value.equals(usual.get(key))) text.append(", ").append(key).append(' ').append(value);
        });
        return text.toString();
    }

    /** How JSON names the class of an objective. */
    static final class TypeId extends TypeIdResolverBase {
        private static final long serialVersionUID = 1L;

        @Override
        public String idFromValue(DatabindContext context, Object value) {
            return ((Objective) value).name();
        }

        @Override
        public String idFromValueAndType(DatabindContext context, Object value, Class<?> type) {
            return value == null ? null : idFromValue(context, value);
        }

        @Override
        public JavaType typeFromId(DatabindContext context, String name) {
            return context.constructType(named(name).getClass());
        }

        @Override
        public JsonTypeInfo.Id getMechanism() {
            return JsonTypeInfo.Id.CUSTOM;
        }
    }
}
