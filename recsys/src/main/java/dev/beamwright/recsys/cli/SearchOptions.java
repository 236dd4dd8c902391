package dev.beamwright.recsys.cli;

import dev.beamwright.recsys.decode.SearchConfig;
import dev.beamwright.recsys.decode.Widening;
import dev.beamwright.recsys.run.UserError;
import java.util.Locale;
import java.util.stream.Stream;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** The options of how to search with a model. */
final class SearchOptions {
    @Option(
            names = "--search",
            paramLabel = "KIND",
            defaultValue = "beam",
            converter = Kind.class,
            description = "beam; adaptive (wider beams for the users whose list is not certified); best-first (the exact"
                    + " list, by the best path first); exact (the same by scoring every item). Default: ${DEFAULT-VALUE}.")
    private SearchConfig.Kind kind;

    @Option(
            names = "--beam",
            paramLabel = "N",
            defaultValue = "50",
            description = "Beam size, with --search adaptive the largest; never below the number of items asked for."
                    + " Default: ${DEFAULT-VALUE}.")
    private int beam;

    @Mixin
    private WideningOptions widening;

    /** Reads a kind as it is written. */
    static final class Kind implements ITypeConverter<SearchConfig.Kind> {
        @Override
        public SearchConfig.Kind convert(String value) {
            return Stream.of(SearchConfig.Kind.values())
                    .filter(k -> k.toString().equals(value.toLowerCase(Locale.ROOT)))
                    .findFirst()
                    .orElseThrow(() -> new TypeConversionException(
                            "'" + value + "' is no kind of search; there are beam, adaptive, best-first and exact"));
        }
    }

    SearchConfig.Kind kind() {
        return kind;
    }

    int beam() {
        if (beam < 1) throw new UserError("--beam " + beam + ": must be at least 1");
        return beam;
    }

    /** Null for no guide. */
    Widening widening() {
        return widening.widening();
    }
}
