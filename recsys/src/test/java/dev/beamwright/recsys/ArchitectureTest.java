package dev.beamwright.recsys;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.ObjectMapper;

/** Imports run one way: between the packages of each module, and from the top of {@code recsys} to its bottom. */
class ArchitectureTest {
    /** The packages of {@code recsys}, bottom up: each may use those before it only. */
    static final List<String> RECSYS = List.of(
            "run", "data", "rank", "embedding", "semanticid", "model", "decode", "prm", "objective", "train",
            "baseline",
            "confidence", "evaluate", "reinforce", "serve", "study", "cli");

    static final JavaClasses CLASSES = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages(
                    "dev.beamwright.tensor", "dev.beamwright.autograd", "dev.beamwright.transformer",
                    "dev.beamwright.recsys");

    @Test
    void noPackagesFormACycle() {
        slices().matching("dev.beamwright.(**)").should().beFreeOfCycles().check(CLASSES);
    }

    @Test
    void aPackageOfRecsysUsesThoseBelowItOnly() {
        String root = "dev.beamwright.recsys.";
        var found = CLASSES.stream()
                .map(c -> c.getPackageName())
                .filter(p -> p.startsWith(root))
                .map(p -> p.substring(root.length()))
                .collect(Collectors.toCollection(TreeSet::new));
        assertThat(found).containsExactlyInAnyOrderElementsOf(RECSYS);
        for (int i = 0; i < RECSYS.size(); i++) {
            String[] above = RECSYS.subList(i + 1, RECSYS.size()).stream().map(root::concat).toArray(String[]::new);
            if (above.length == 0) continue;
            noClasses().that().resideInAPackage(root + RECSYS.get(i))
                    .should().dependOnClassesThat().resideInAnyPackage(above)
                    .check(CLASSES);
        }
    }

    /** Kernels know shapes and numbers, nothing of what these stand for. */
    @Test
    void tensorKnowsNoRecommender() {
        var names = CLASSES.that(resideInAPackage("dev.beamwright.tensor..")).stream()
                .map(c -> c.getSimpleName())
                .filter(name -> name.matches(".*(Item|User|Trie).*"))
                .toList();
        assertThat(names).isEmpty();
    }

    /** What a file says is read in one place, which refuses what is damaged; users' files have their own reader. */
    @Test
    void jsonIsReadThroughOneDoor() {
        noClasses().that().resideInAPackage("dev.beamwright.recsys..")
                .and().doNotHaveFullyQualifiedName("dev.beamwright.recsys.run.Json")
                .should().callMethodWhere(DescribedPredicate.describe(
                        "Jackson reads JSON",
                        call -> call.getTargetOwner().isAssignableTo(ObjectMapper.class)
                                && call.getTarget().getName().matches("readValue|readTree|readValues|createParser")))
                .check(CLASSES);
    }
}
