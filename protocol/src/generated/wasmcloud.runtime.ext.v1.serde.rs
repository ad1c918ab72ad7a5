impl serde::Serialize for Capacity {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.instances != 0 {
            len += 1;
        }
        if self.memory != 0 {
            len += 1;
        }
        if self.cpu_millis != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("wasmcloud.runtime.ext.v1.Capacity", len)?;
        if self.instances != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("instances", ToString::to_string(&self.instances).as_str())?;
        }
        if self.memory != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("memory", ToString::to_string(&self.memory).as_str())?;
        }
        if self.cpu_millis != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("cpuMillis", ToString::to_string(&self.cpu_millis).as_str())?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for Capacity {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "instances",
            "memory",
            "cpu_millis",
            "cpuMillis",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Instances,
            Memory,
            CpuMillis,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "instances" => Ok(GeneratedField::Instances),
                            "memory" => Ok(GeneratedField::Memory),
                            "cpuMillis" | "cpu_millis" => Ok(GeneratedField::CpuMillis),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = Capacity;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct wasmcloud.runtime.ext.v1.Capacity")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<Capacity, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut instances__ = None;
                let mut memory__ = None;
                let mut cpu_millis__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Instances => {
                            if instances__.is_some() {
                                return Err(serde::de::Error::duplicate_field("instances"));
                            }
                            instances__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Memory => {
                            if memory__.is_some() {
                                return Err(serde::de::Error::duplicate_field("memory"));
                            }
                            memory__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::CpuMillis => {
                            if cpu_millis__.is_some() {
                                return Err(serde::de::Error::duplicate_field("cpuMillis"));
                            }
                            cpu_millis__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(Capacity {
                    instances: instances__.unwrap_or_default(),
                    memory: memory__.unwrap_or_default(),
                    cpu_millis: cpu_millis__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("wasmcloud.runtime.ext.v1.Capacity", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for ComponentExtension {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.memory_limit != 0 {
            len += 1;
        }
        if self.cpu_millis != 0 {
            len += 1;
        }
        if self.request_timeout_ms != 0 {
            len += 1;
        }
        if self.max_in_flight != 0 {
            len += 1;
        }
        if !self.registry_token.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("wasmcloud.runtime.ext.v1.ComponentExtension", len)?;
        if self.memory_limit != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("memoryLimit", ToString::to_string(&self.memory_limit).as_str())?;
        }
        if self.cpu_millis != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("cpuMillis", ToString::to_string(&self.cpu_millis).as_str())?;
        }
        if self.request_timeout_ms != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("requestTimeoutMs", ToString::to_string(&self.request_timeout_ms).as_str())?;
        }
        if self.max_in_flight != 0 {
            struct_ser.serialize_field("maxInFlight", &self.max_in_flight)?;
        }
        if !self.registry_token.is_empty() {
            struct_ser.serialize_field("registryToken", &self.registry_token)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for ComponentExtension {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "memory_limit",
            "memoryLimit",
            "cpu_millis",
            "cpuMillis",
            "request_timeout_ms",
            "requestTimeoutMs",
            "max_in_flight",
            "maxInFlight",
            "registry_token",
            "registryToken",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            MemoryLimit,
            CpuMillis,
            RequestTimeoutMs,
            MaxInFlight,
            RegistryToken,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "memoryLimit" | "memory_limit" => Ok(GeneratedField::MemoryLimit),
                            "cpuMillis" | "cpu_millis" => Ok(GeneratedField::CpuMillis),
                            "requestTimeoutMs" | "request_timeout_ms" => Ok(GeneratedField::RequestTimeoutMs),
                            "maxInFlight" | "max_in_flight" => Ok(GeneratedField::MaxInFlight),
                            "registryToken" | "registry_token" => Ok(GeneratedField::RegistryToken),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = ComponentExtension;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct wasmcloud.runtime.ext.v1.ComponentExtension")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<ComponentExtension, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut memory_limit__ = None;
                let mut cpu_millis__ = None;
                let mut request_timeout_ms__ = None;
                let mut max_in_flight__ = None;
                let mut registry_token__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::MemoryLimit => {
                            if memory_limit__.is_some() {
                                return Err(serde::de::Error::duplicate_field("memoryLimit"));
                            }
                            memory_limit__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::CpuMillis => {
                            if cpu_millis__.is_some() {
                                return Err(serde::de::Error::duplicate_field("cpuMillis"));
                            }
                            cpu_millis__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::RequestTimeoutMs => {
                            if request_timeout_ms__.is_some() {
                                return Err(serde::de::Error::duplicate_field("requestTimeoutMs"));
                            }
                            request_timeout_ms__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::MaxInFlight => {
                            if max_in_flight__.is_some() {
                                return Err(serde::de::Error::duplicate_field("maxInFlight"));
                            }
                            max_in_flight__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::RegistryToken => {
                            if registry_token__.is_some() {
                                return Err(serde::de::Error::duplicate_field("registryToken"));
                            }
                            registry_token__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(ComponentExtension {
                    memory_limit: memory_limit__.unwrap_or_default(),
                    cpu_millis: cpu_millis__.unwrap_or_default(),
                    request_timeout_ms: request_timeout_ms__.unwrap_or_default(),
                    max_in_flight: max_in_flight__.unwrap_or_default(),
                    registry_token: registry_token__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("wasmcloud.runtime.ext.v1.ComponentExtension", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for HostAnnouncement {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.id.is_empty() {
            len += 1;
        }
        if !self.friendly_name.is_empty() {
            len += 1;
        }
        if self.protocol != 0 {
            len += 1;
        }
        if self.capacity.is_some() {
            len += 1;
        }
        if self.allocated.is_some() {
            len += 1;
        }
        if !self.labels.is_empty() {
            len += 1;
        }
        if !self.addresses.is_empty() {
            len += 1;
        }
        if self.http_port != 0 {
            len += 1;
        }
        if !self.public_key.is_empty() {
            len += 1;
        }
        if self.draining {
            len += 1;
        }
        if self.goodbye {
            len += 1;
        }
        if !self.offers.is_empty() {
            len += 1;
        }
        if self.started_at.is_some() {
            len += 1;
        }
        if !self.environment.is_empty() {
            len += 1;
        }
        if !self.workload_ports.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("wasmcloud.runtime.ext.v1.HostAnnouncement", len)?;
        if !self.id.is_empty() {
            struct_ser.serialize_field("id", &self.id)?;
        }
        if !self.friendly_name.is_empty() {
            struct_ser.serialize_field("friendlyName", &self.friendly_name)?;
        }
        if self.protocol != 0 {
            struct_ser.serialize_field("protocol", &self.protocol)?;
        }
        if let Some(v) = self.capacity.as_ref() {
            struct_ser.serialize_field("capacity", v)?;
        }
        if let Some(v) = self.allocated.as_ref() {
            struct_ser.serialize_field("allocated", v)?;
        }
        if !self.labels.is_empty() {
            struct_ser.serialize_field("labels", &self.labels)?;
        }
        if !self.addresses.is_empty() {
            struct_ser.serialize_field("addresses", &self.addresses)?;
        }
        if self.http_port != 0 {
            struct_ser.serialize_field("httpPort", &self.http_port)?;
        }
        if !self.public_key.is_empty() {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("publicKey", pbjson::private::base64::encode(&self.public_key).as_str())?;
        }
        if self.draining {
            struct_ser.serialize_field("draining", &self.draining)?;
        }
        if self.goodbye {
            struct_ser.serialize_field("goodbye", &self.goodbye)?;
        }
        if !self.offers.is_empty() {
            struct_ser.serialize_field("offers", &self.offers)?;
        }
        if let Some(v) = self.started_at.as_ref() {
            struct_ser.serialize_field("startedAt", v)?;
        }
        if !self.environment.is_empty() {
            struct_ser.serialize_field("environment", &self.environment)?;
        }
        if !self.workload_ports.is_empty() {
            struct_ser.serialize_field("workloadPorts", &self.workload_ports)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for HostAnnouncement {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "id",
            "friendly_name",
            "friendlyName",
            "protocol",
            "capacity",
            "allocated",
            "labels",
            "addresses",
            "http_port",
            "httpPort",
            "public_key",
            "publicKey",
            "draining",
            "goodbye",
            "offers",
            "started_at",
            "startedAt",
            "environment",
            "workload_ports",
            "workloadPorts",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Id,
            FriendlyName,
            Protocol,
            Capacity,
            Allocated,
            Labels,
            Addresses,
            HttpPort,
            PublicKey,
            Draining,
            Goodbye,
            Offers,
            StartedAt,
            Environment,
            WorkloadPorts,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "id" => Ok(GeneratedField::Id),
                            "friendlyName" | "friendly_name" => Ok(GeneratedField::FriendlyName),
                            "protocol" => Ok(GeneratedField::Protocol),
                            "capacity" => Ok(GeneratedField::Capacity),
                            "allocated" => Ok(GeneratedField::Allocated),
                            "labels" => Ok(GeneratedField::Labels),
                            "addresses" => Ok(GeneratedField::Addresses),
                            "httpPort" | "http_port" => Ok(GeneratedField::HttpPort),
                            "publicKey" | "public_key" => Ok(GeneratedField::PublicKey),
                            "draining" => Ok(GeneratedField::Draining),
                            "goodbye" => Ok(GeneratedField::Goodbye),
                            "offers" => Ok(GeneratedField::Offers),
                            "startedAt" | "started_at" => Ok(GeneratedField::StartedAt),
                            "environment" => Ok(GeneratedField::Environment),
                            "workloadPorts" | "workload_ports" => Ok(GeneratedField::WorkloadPorts),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = HostAnnouncement;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct wasmcloud.runtime.ext.v1.HostAnnouncement")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<HostAnnouncement, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut id__ = None;
                let mut friendly_name__ = None;
                let mut protocol__ = None;
                let mut capacity__ = None;
                let mut allocated__ = None;
                let mut labels__ = None;
                let mut addresses__ = None;
                let mut http_port__ = None;
                let mut public_key__ = None;
                let mut draining__ = None;
                let mut goodbye__ = None;
                let mut offers__ = None;
                let mut started_at__ = None;
                let mut environment__ = None;
                let mut workload_ports__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Id => {
                            if id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("id"));
                            }
                            id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::FriendlyName => {
                            if friendly_name__.is_some() {
                                return Err(serde::de::Error::duplicate_field("friendlyName"));
                            }
                            friendly_name__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Protocol => {
                            if protocol__.is_some() {
                                return Err(serde::de::Error::duplicate_field("protocol"));
                            }
                            protocol__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Capacity => {
                            if capacity__.is_some() {
                                return Err(serde::de::Error::duplicate_field("capacity"));
                            }
                            capacity__ = map_.next_value()?;
                        }
                        GeneratedField::Allocated => {
                            if allocated__.is_some() {
                                return Err(serde::de::Error::duplicate_field("allocated"));
                            }
                            allocated__ = map_.next_value()?;
                        }
                        GeneratedField::Labels => {
                            if labels__.is_some() {
                                return Err(serde::de::Error::duplicate_field("labels"));
                            }
                            labels__ = Some(
                                map_.next_value::<std::collections::BTreeMap<_, _>>()?
                            );
                        }
                        GeneratedField::Addresses => {
                            if addresses__.is_some() {
                                return Err(serde::de::Error::duplicate_field("addresses"));
                            }
                            addresses__ = Some(map_.next_value()?);
                        }
                        GeneratedField::HttpPort => {
                            if http_port__.is_some() {
                                return Err(serde::de::Error::duplicate_field("httpPort"));
                            }
                            http_port__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::PublicKey => {
                            if public_key__.is_some() {
                                return Err(serde::de::Error::duplicate_field("publicKey"));
                            }
                            public_key__ = 
                                Some(map_.next_value::<::pbjson::private::BytesDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Draining => {
                            if draining__.is_some() {
                                return Err(serde::de::Error::duplicate_field("draining"));
                            }
                            draining__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Goodbye => {
                            if goodbye__.is_some() {
                                return Err(serde::de::Error::duplicate_field("goodbye"));
                            }
                            goodbye__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Offers => {
                            if offers__.is_some() {
                                return Err(serde::de::Error::duplicate_field("offers"));
                            }
                            offers__ = Some(map_.next_value()?);
                        }
                        GeneratedField::StartedAt => {
                            if started_at__.is_some() {
                                return Err(serde::de::Error::duplicate_field("startedAt"));
                            }
                            started_at__ = map_.next_value()?;
                        }
                        GeneratedField::Environment => {
                            if environment__.is_some() {
                                return Err(serde::de::Error::duplicate_field("environment"));
                            }
                            environment__ = Some(map_.next_value()?);
                        }
                        GeneratedField::WorkloadPorts => {
                            if workload_ports__.is_some() {
                                return Err(serde::de::Error::duplicate_field("workloadPorts"));
                            }
                            workload_ports__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(HostAnnouncement {
                    id: id__.unwrap_or_default(),
                    friendly_name: friendly_name__.unwrap_or_default(),
                    protocol: protocol__.unwrap_or_default(),
                    capacity: capacity__,
                    allocated: allocated__,
                    labels: labels__.unwrap_or_default(),
                    addresses: addresses__.unwrap_or_default(),
                    http_port: http_port__.unwrap_or_default(),
                    public_key: public_key__.unwrap_or_default(),
                    draining: draining__.unwrap_or_default(),
                    goodbye: goodbye__.unwrap_or_default(),
                    offers: offers__.unwrap_or_default(),
                    started_at: started_at__,
                    environment: environment__.unwrap_or_default(),
                    workload_ports: workload_ports__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("wasmcloud.runtime.ext.v1.HostAnnouncement", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for ImageDigest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.name.is_empty() {
            len += 1;
        }
        if !self.reference.is_empty() {
            len += 1;
        }
        if !self.digest.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("wasmcloud.runtime.ext.v1.ImageDigest", len)?;
        if !self.name.is_empty() {
            struct_ser.serialize_field("name", &self.name)?;
        }
        if !self.reference.is_empty() {
            struct_ser.serialize_field("reference", &self.reference)?;
        }
        if !self.digest.is_empty() {
            struct_ser.serialize_field("digest", &self.digest)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for ImageDigest {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "name",
            "reference",
            "digest",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Name,
            Reference,
            Digest,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "name" => Ok(GeneratedField::Name),
                            "reference" => Ok(GeneratedField::Reference),
                            "digest" => Ok(GeneratedField::Digest),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = ImageDigest;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct wasmcloud.runtime.ext.v1.ImageDigest")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<ImageDigest, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut name__ = None;
                let mut reference__ = None;
                let mut digest__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Name => {
                            if name__.is_some() {
                                return Err(serde::de::Error::duplicate_field("name"));
                            }
                            name__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Reference => {
                            if reference__.is_some() {
                                return Err(serde::de::Error::duplicate_field("reference"));
                            }
                            reference__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Digest => {
                            if digest__.is_some() {
                                return Err(serde::de::Error::duplicate_field("digest"));
                            }
                            digest__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(ImageDigest {
                    name: name__.unwrap_or_default(),
                    reference: reference__.unwrap_or_default(),
                    digest: digest__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("wasmcloud.runtime.ext.v1.ImageDigest", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for Inventory {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.items.is_empty() {
            len += 1;
        }
        if !self.r#continue.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("wasmcloud.runtime.ext.v1.Inventory", len)?;
        if !self.items.is_empty() {
            struct_ser.serialize_field("items", &self.items)?;
        }
        if !self.r#continue.is_empty() {
            struct_ser.serialize_field("continue", &self.r#continue)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for Inventory {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "items",
            "continue",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Items,
            Continue,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "items" => Ok(GeneratedField::Items),
                            "continue" => Ok(GeneratedField::Continue),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = Inventory;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct wasmcloud.runtime.ext.v1.Inventory")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<Inventory, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut items__ = None;
                let mut r#continue__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Items => {
                            if items__.is_some() {
                                return Err(serde::de::Error::duplicate_field("items"));
                            }
                            items__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Continue => {
                            if r#continue__.is_some() {
                                return Err(serde::de::Error::duplicate_field("continue"));
                            }
                            r#continue__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(Inventory {
                    items: items__.unwrap_or_default(),
                    r#continue: r#continue__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("wasmcloud.runtime.ext.v1.Inventory", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for InventoryItem {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.id.is_empty() {
            len += 1;
        }
        if !self.namespace.is_empty() {
            len += 1;
        }
        if !self.name.is_empty() {
            len += 1;
        }
        if !self.control_plane.is_empty() {
            len += 1;
        }
        if !self.revision.is_empty() {
            len += 1;
        }
        if self.state != 0 {
            len += 1;
        }
        if self.restarts != 0 {
            len += 1;
        }
        if self.since.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("wasmcloud.runtime.ext.v1.InventoryItem", len)?;
        if !self.id.is_empty() {
            struct_ser.serialize_field("id", &self.id)?;
        }
        if !self.namespace.is_empty() {
            struct_ser.serialize_field("namespace", &self.namespace)?;
        }
        if !self.name.is_empty() {
            struct_ser.serialize_field("name", &self.name)?;
        }
        if !self.control_plane.is_empty() {
            struct_ser.serialize_field("controlPlane", &self.control_plane)?;
        }
        if !self.revision.is_empty() {
            struct_ser.serialize_field("revision", &self.revision)?;
        }
        if self.state != 0 {
            let v = super::super::v2::WorkloadState::try_from(self.state)
                .map_err(|_| serde::ser::Error::custom(format!("Invalid variant {}", self.state)))?;
            struct_ser.serialize_field("state", &v)?;
        }
        if self.restarts != 0 {
            struct_ser.serialize_field("restarts", &self.restarts)?;
        }
        if let Some(v) = self.since.as_ref() {
            struct_ser.serialize_field("since", v)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for InventoryItem {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "id",
            "namespace",
            "name",
            "control_plane",
            "controlPlane",
            "revision",
            "state",
            "restarts",
            "since",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Id,
            Namespace,
            Name,
            ControlPlane,
            Revision,
            State,
            Restarts,
            Since,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "id" => Ok(GeneratedField::Id),
                            "namespace" => Ok(GeneratedField::Namespace),
                            "name" => Ok(GeneratedField::Name),
                            "controlPlane" | "control_plane" => Ok(GeneratedField::ControlPlane),
                            "revision" => Ok(GeneratedField::Revision),
                            "state" => Ok(GeneratedField::State),
                            "restarts" => Ok(GeneratedField::Restarts),
                            "since" => Ok(GeneratedField::Since),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = InventoryItem;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct wasmcloud.runtime.ext.v1.InventoryItem")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<InventoryItem, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut id__ = None;
                let mut namespace__ = None;
                let mut name__ = None;
                let mut control_plane__ = None;
                let mut revision__ = None;
                let mut state__ = None;
                let mut restarts__ = None;
                let mut since__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Id => {
                            if id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("id"));
                            }
                            id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Namespace => {
                            if namespace__.is_some() {
                                return Err(serde::de::Error::duplicate_field("namespace"));
                            }
                            namespace__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Name => {
                            if name__.is_some() {
                                return Err(serde::de::Error::duplicate_field("name"));
                            }
                            name__ = Some(map_.next_value()?);
                        }
                        GeneratedField::ControlPlane => {
                            if control_plane__.is_some() {
                                return Err(serde::de::Error::duplicate_field("controlPlane"));
                            }
                            control_plane__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Revision => {
                            if revision__.is_some() {
                                return Err(serde::de::Error::duplicate_field("revision"));
                            }
                            revision__ = Some(map_.next_value()?);
                        }
                        GeneratedField::State => {
                            if state__.is_some() {
                                return Err(serde::de::Error::duplicate_field("state"));
                            }
                            state__ = Some(map_.next_value::<super::super::v2::WorkloadState>()? as i32);
                        }
                        GeneratedField::Restarts => {
                            if restarts__.is_some() {
                                return Err(serde::de::Error::duplicate_field("restarts"));
                            }
                            restarts__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Since => {
                            if since__.is_some() {
                                return Err(serde::de::Error::duplicate_field("since"));
                            }
                            since__ = map_.next_value()?;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(InventoryItem {
                    id: id__.unwrap_or_default(),
                    namespace: namespace__.unwrap_or_default(),
                    name: name__.unwrap_or_default(),
                    control_plane: control_plane__.unwrap_or_default(),
                    revision: revision__.unwrap_or_default(),
                    state: state__.unwrap_or_default(),
                    restarts: restarts__.unwrap_or_default(),
                    since: since__,
                })
            }
        }
        deserializer.deserialize_struct("wasmcloud.runtime.ext.v1.InventoryItem", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for InventoryRequest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.r#continue.is_empty() {
            len += 1;
        }
        if self.limit != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("wasmcloud.runtime.ext.v1.InventoryRequest", len)?;
        if !self.r#continue.is_empty() {
            struct_ser.serialize_field("continue", &self.r#continue)?;
        }
        if self.limit != 0 {
            struct_ser.serialize_field("limit", &self.limit)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for InventoryRequest {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "continue",
            "limit",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Continue,
            Limit,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "continue" => Ok(GeneratedField::Continue),
                            "limit" => Ok(GeneratedField::Limit),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = InventoryRequest;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct wasmcloud.runtime.ext.v1.InventoryRequest")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<InventoryRequest, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut r#continue__ = None;
                let mut limit__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Continue => {
                            if r#continue__.is_some() {
                                return Err(serde::de::Error::duplicate_field("continue"));
                            }
                            r#continue__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Limit => {
                            if limit__.is_some() {
                                return Err(serde::de::Error::duplicate_field("limit"));
                            }
                            limit__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(InventoryRequest {
                    r#continue: r#continue__.unwrap_or_default(),
                    limit: limit__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("wasmcloud.runtime.ext.v1.InventoryRequest", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for StartExtension {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.control_plane.is_empty() {
            len += 1;
        }
        if !self.revision.is_empty() {
            len += 1;
        }
        if !self.components.is_empty() {
            len += 1;
        }
        if self.drain_seconds != 0 {
            len += 1;
        }
        if !self.owner.is_empty() {
            len += 1;
        }
        if !self.service_hostnames.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("wasmcloud.runtime.ext.v1.StartExtension", len)?;
        if !self.control_plane.is_empty() {
            struct_ser.serialize_field("controlPlane", &self.control_plane)?;
        }
        if !self.revision.is_empty() {
            struct_ser.serialize_field("revision", &self.revision)?;
        }
        if !self.components.is_empty() {
            struct_ser.serialize_field("components", &self.components)?;
        }
        if self.drain_seconds != 0 {
            struct_ser.serialize_field("drainSeconds", &self.drain_seconds)?;
        }
        if !self.owner.is_empty() {
            struct_ser.serialize_field("owner", &self.owner)?;
        }
        if !self.service_hostnames.is_empty() {
            struct_ser.serialize_field("serviceHostnames", &self.service_hostnames)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for StartExtension {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "control_plane",
            "controlPlane",
            "revision",
            "components",
            "drain_seconds",
            "drainSeconds",
            "owner",
            "service_hostnames",
            "serviceHostnames",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            ControlPlane,
            Revision,
            Components,
            DrainSeconds,
            Owner,
            ServiceHostnames,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "controlPlane" | "control_plane" => Ok(GeneratedField::ControlPlane),
                            "revision" => Ok(GeneratedField::Revision),
                            "components" => Ok(GeneratedField::Components),
                            "drainSeconds" | "drain_seconds" => Ok(GeneratedField::DrainSeconds),
                            "owner" => Ok(GeneratedField::Owner),
                            "serviceHostnames" | "service_hostnames" => Ok(GeneratedField::ServiceHostnames),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = StartExtension;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct wasmcloud.runtime.ext.v1.StartExtension")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<StartExtension, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut control_plane__ = None;
                let mut revision__ = None;
                let mut components__ = None;
                let mut drain_seconds__ = None;
                let mut owner__ = None;
                let mut service_hostnames__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::ControlPlane => {
                            if control_plane__.is_some() {
                                return Err(serde::de::Error::duplicate_field("controlPlane"));
                            }
                            control_plane__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Revision => {
                            if revision__.is_some() {
                                return Err(serde::de::Error::duplicate_field("revision"));
                            }
                            revision__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Components => {
                            if components__.is_some() {
                                return Err(serde::de::Error::duplicate_field("components"));
                            }
                            components__ = Some(
                                map_.next_value::<std::collections::BTreeMap<_, _>>()?
                            );
                        }
                        GeneratedField::DrainSeconds => {
                            if drain_seconds__.is_some() {
                                return Err(serde::de::Error::duplicate_field("drainSeconds"));
                            }
                            drain_seconds__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Owner => {
                            if owner__.is_some() {
                                return Err(serde::de::Error::duplicate_field("owner"));
                            }
                            owner__ = Some(map_.next_value()?);
                        }
                        GeneratedField::ServiceHostnames => {
                            if service_hostnames__.is_some() {
                                return Err(serde::de::Error::duplicate_field("serviceHostnames"));
                            }
                            service_hostnames__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(StartExtension {
                    control_plane: control_plane__.unwrap_or_default(),
                    revision: revision__.unwrap_or_default(),
                    components: components__.unwrap_or_default(),
                    drain_seconds: drain_seconds__.unwrap_or_default(),
                    owner: owner__.unwrap_or_default(),
                    service_hostnames: service_hostnames__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("wasmcloud.runtime.ext.v1.StartExtension", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for WorkloadReply {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.report.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("wasmcloud.runtime.ext.v1.WorkloadReply", len)?;
        if let Some(v) = self.report.as_ref() {
            struct_ser.serialize_field("report", v)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for WorkloadReply {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "report",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Report,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "report" => Ok(GeneratedField::Report),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = WorkloadReply;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct wasmcloud.runtime.ext.v1.WorkloadReply")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<WorkloadReply, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut report__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Report => {
                            if report__.is_some() {
                                return Err(serde::de::Error::duplicate_field("report"));
                            }
                            report__ = map_.next_value()?;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(WorkloadReply {
                    report: report__,
                })
            }
        }
        deserializer.deserialize_struct("wasmcloud.runtime.ext.v1.WorkloadReply", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for WorkloadReport {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.status.is_some() {
            len += 1;
        }
        if !self.reason.is_empty() {
            len += 1;
        }
        if !self.images.is_empty() {
            len += 1;
        }
        if self.restarts != 0 {
            len += 1;
        }
        if self.since.is_some() {
            len += 1;
        }
        if self.sequence != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("wasmcloud.runtime.ext.v1.WorkloadReport", len)?;
        if let Some(v) = self.status.as_ref() {
            struct_ser.serialize_field("status", v)?;
        }
        if !self.reason.is_empty() {
            struct_ser.serialize_field("reason", &self.reason)?;
        }
        if !self.images.is_empty() {
            struct_ser.serialize_field("images", &self.images)?;
        }
        if self.restarts != 0 {
            struct_ser.serialize_field("restarts", &self.restarts)?;
        }
        if let Some(v) = self.since.as_ref() {
            struct_ser.serialize_field("since", v)?;
        }
        if self.sequence != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("sequence", ToString::to_string(&self.sequence).as_str())?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for WorkloadReport {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "status",
            "reason",
            "images",
            "restarts",
            "since",
            "sequence",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Status,
            Reason,
            Images,
            Restarts,
            Since,
            Sequence,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "status" => Ok(GeneratedField::Status),
                            "reason" => Ok(GeneratedField::Reason),
                            "images" => Ok(GeneratedField::Images),
                            "restarts" => Ok(GeneratedField::Restarts),
                            "since" => Ok(GeneratedField::Since),
                            "sequence" => Ok(GeneratedField::Sequence),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = WorkloadReport;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct wasmcloud.runtime.ext.v1.WorkloadReport")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<WorkloadReport, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut status__ = None;
                let mut reason__ = None;
                let mut images__ = None;
                let mut restarts__ = None;
                let mut since__ = None;
                let mut sequence__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Status => {
                            if status__.is_some() {
                                return Err(serde::de::Error::duplicate_field("status"));
                            }
                            status__ = map_.next_value()?;
                        }
                        GeneratedField::Reason => {
                            if reason__.is_some() {
                                return Err(serde::de::Error::duplicate_field("reason"));
                            }
                            reason__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Images => {
                            if images__.is_some() {
                                return Err(serde::de::Error::duplicate_field("images"));
                            }
                            images__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Restarts => {
                            if restarts__.is_some() {
                                return Err(serde::de::Error::duplicate_field("restarts"));
                            }
                            restarts__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Since => {
                            if since__.is_some() {
                                return Err(serde::de::Error::duplicate_field("since"));
                            }
                            since__ = map_.next_value()?;
                        }
                        GeneratedField::Sequence => {
                            if sequence__.is_some() {
                                return Err(serde::de::Error::duplicate_field("sequence"));
                            }
                            sequence__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(WorkloadReport {
                    status: status__,
                    reason: reason__.unwrap_or_default(),
                    images: images__.unwrap_or_default(),
                    restarts: restarts__.unwrap_or_default(),
                    since: since__,
                    sequence: sequence__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("wasmcloud.runtime.ext.v1.WorkloadReport", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for WorkloadStartV1 {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.base.is_some() {
            len += 1;
        }
        if self.extension.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("wasmcloud.runtime.ext.v1.WorkloadStartV1", len)?;
        if let Some(v) = self.base.as_ref() {
            struct_ser.serialize_field("base", v)?;
        }
        if let Some(v) = self.extension.as_ref() {
            struct_ser.serialize_field("extension", v)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for WorkloadStartV1 {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "base",
            "extension",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Base,
            Extension,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "base" => Ok(GeneratedField::Base),
                            "extension" => Ok(GeneratedField::Extension),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = WorkloadStartV1;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct wasmcloud.runtime.ext.v1.WorkloadStartV1")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<WorkloadStartV1, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut base__ = None;
                let mut extension__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Base => {
                            if base__.is_some() {
                                return Err(serde::de::Error::duplicate_field("base"));
                            }
                            base__ = map_.next_value()?;
                        }
                        GeneratedField::Extension => {
                            if extension__.is_some() {
                                return Err(serde::de::Error::duplicate_field("extension"));
                            }
                            extension__ = map_.next_value()?;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(WorkloadStartV1 {
                    base: base__,
                    extension: extension__,
                })
            }
        }
        deserializer.deserialize_struct("wasmcloud.runtime.ext.v1.WorkloadStartV1", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for WorkloadStateChanged {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.host_id.is_empty() {
            len += 1;
        }
        if !self.namespace.is_empty() {
            len += 1;
        }
        if !self.name.is_empty() {
            len += 1;
        }
        if !self.control_plane.is_empty() {
            len += 1;
        }
        if self.report.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("wasmcloud.runtime.ext.v1.WorkloadStateChanged", len)?;
        if !self.host_id.is_empty() {
            struct_ser.serialize_field("hostId", &self.host_id)?;
        }
        if !self.namespace.is_empty() {
            struct_ser.serialize_field("namespace", &self.namespace)?;
        }
        if !self.name.is_empty() {
            struct_ser.serialize_field("name", &self.name)?;
        }
        if !self.control_plane.is_empty() {
            struct_ser.serialize_field("controlPlane", &self.control_plane)?;
        }
        if let Some(v) = self.report.as_ref() {
            struct_ser.serialize_field("report", v)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for WorkloadStateChanged {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "host_id",
            "hostId",
            "namespace",
            "name",
            "control_plane",
            "controlPlane",
            "report",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            HostId,
            Namespace,
            Name,
            ControlPlane,
            Report,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "hostId" | "host_id" => Ok(GeneratedField::HostId),
                            "namespace" => Ok(GeneratedField::Namespace),
                            "name" => Ok(GeneratedField::Name),
                            "controlPlane" | "control_plane" => Ok(GeneratedField::ControlPlane),
                            "report" => Ok(GeneratedField::Report),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = WorkloadStateChanged;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct wasmcloud.runtime.ext.v1.WorkloadStateChanged")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<WorkloadStateChanged, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut host_id__ = None;
                let mut namespace__ = None;
                let mut name__ = None;
                let mut control_plane__ = None;
                let mut report__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::HostId => {
                            if host_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("hostId"));
                            }
                            host_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Namespace => {
                            if namespace__.is_some() {
                                return Err(serde::de::Error::duplicate_field("namespace"));
                            }
                            namespace__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Name => {
                            if name__.is_some() {
                                return Err(serde::de::Error::duplicate_field("name"));
                            }
                            name__ = Some(map_.next_value()?);
                        }
                        GeneratedField::ControlPlane => {
                            if control_plane__.is_some() {
                                return Err(serde::de::Error::duplicate_field("controlPlane"));
                            }
                            control_plane__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Report => {
                            if report__.is_some() {
                                return Err(serde::de::Error::duplicate_field("report"));
                            }
                            report__ = map_.next_value()?;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(WorkloadStateChanged {
                    host_id: host_id__.unwrap_or_default(),
                    namespace: namespace__.unwrap_or_default(),
                    name: name__.unwrap_or_default(),
                    control_plane: control_plane__.unwrap_or_default(),
                    report: report__,
                })
            }
        }
        deserializer.deserialize_struct("wasmcloud.runtime.ext.v1.WorkloadStateChanged", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for WorkloadStatusV1 {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.workload_id.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("wasmcloud.runtime.ext.v1.WorkloadStatusV1", len)?;
        if !self.workload_id.is_empty() {
            struct_ser.serialize_field("workloadId", &self.workload_id)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for WorkloadStatusV1 {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "workload_id",
            "workloadId",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            WorkloadId,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "workloadId" | "workload_id" => Ok(GeneratedField::WorkloadId),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = WorkloadStatusV1;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct wasmcloud.runtime.ext.v1.WorkloadStatusV1")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<WorkloadStatusV1, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut workload_id__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::WorkloadId => {
                            if workload_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("workloadId"));
                            }
                            workload_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(WorkloadStatusV1 {
                    workload_id: workload_id__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("wasmcloud.runtime.ext.v1.WorkloadStatusV1", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for WorkloadStopV1 {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.workload_id.is_empty() {
            len += 1;
        }
        if self.drain_seconds.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("wasmcloud.runtime.ext.v1.WorkloadStopV1", len)?;
        if !self.workload_id.is_empty() {
            struct_ser.serialize_field("workloadId", &self.workload_id)?;
        }
        if let Some(v) = self.drain_seconds.as_ref() {
            struct_ser.serialize_field("drainSeconds", v)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for WorkloadStopV1 {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "workload_id",
            "workloadId",
            "drain_seconds",
            "drainSeconds",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            WorkloadId,
            DrainSeconds,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "workloadId" | "workload_id" => Ok(GeneratedField::WorkloadId),
                            "drainSeconds" | "drain_seconds" => Ok(GeneratedField::DrainSeconds),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = WorkloadStopV1;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct wasmcloud.runtime.ext.v1.WorkloadStopV1")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<WorkloadStopV1, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut workload_id__ = None;
                let mut drain_seconds__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::WorkloadId => {
                            if workload_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("workloadId"));
                            }
                            workload_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::DrainSeconds => {
                            if drain_seconds__.is_some() {
                                return Err(serde::de::Error::duplicate_field("drainSeconds"));
                            }
                            drain_seconds__ = 
                                map_.next_value::<::std::option::Option<::pbjson::private::NumberDeserialize<_>>>()?.map(|x| x.0)
                            ;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(WorkloadStopV1 {
                    workload_id: workload_id__.unwrap_or_default(),
                    drain_seconds: drain_seconds__,
                })
            }
        }
        deserializer.deserialize_struct("wasmcloud.runtime.ext.v1.WorkloadStopV1", FIELDS, GeneratedVisitor)
    }
}
